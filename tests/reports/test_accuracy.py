"""The page on accuracy says what the records say, and which operands were measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.accuracy import operands, render, share
from reports.records import SweepRecord, from_line, to_line

WHOLE = SweepRecord(
    "exp", "float16", "LLVM", "0" * 32, "all", 0, 1, 1, 65_536, 2050, 0, 63_480, 0, 3,
    {"0": 11_780, "0.5": 51_700, "0.55": 6}, ("0.500028 0x25cf 0x3c17",), "0.501",
)  # fmt: skip


def of_library(name: str, **fields: object) -> SweepRecord:
    record = replace(WHOLE, subject=name, failures=0, bound_ulp="")
    return replace(record, **fields)  # type: ignore[arg-type]


def line(page: str, function: str = "exp") -> list[str]:
    """The cells of the first line of a function."""
    found = next(text for text in page.splitlines() if text.startswith(f"| `{function}`"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_libraries_stand_beside_the_engine() -> None:
    part = of_library("torch", plan="sample of 9000, seed 0", elements=65_000, special=1514)
    page = render([WHOLE, of_library("numpy", wrong_special=1200), part])
    assert line(page) == [
        "`exp`", "LLVM", "all 65,536", "0.501", "0.500028", "`0x25cf`", "99.990%",
        "0.500028", "99.990%", "1,200", "0.500028*", "-", "0",
    ]  # fmt: skip
    sampled = replace(WHOLE, plan=part.plan)
    assert line(render([sampled, part]))[-2] == "99.990%"


def test_what_was_not_measured_has_a_dash() -> None:
    assert line(render([WHOLE]))[7:] == ["-"] * 6


def test_each_dtype_has_its_tables() -> None:
    wide = replace(WHOLE, dtype="float32")
    assert [text for text in render([wide, WHOLE]).splitlines() if text.startswith("##")] == [
        "## float16", "## float32"
    ]  # fmt: skip
    assert "| `exp` | 11,780 | 51,700 | 6 | 2,050 |" in render([WHOLE])


def test_a_share_is_never_rounded_up_to_all() -> None:
    nearly = replace(WHOLE, elements=1 << 32, special=0, rounded=(1 << 32) - 1)
    assert share(nearly) == "99.999%"
    assert share(replace(nearly, rounded=1 << 32)) == "100%"
    assert share(replace(WHOLE, elements=2050)) == "-"


def test_operands_are_said_as_they_were_measured() -> None:
    assert operands(WHOLE) == "all 65,536"
    assert operands(replace(WHOLE, of=16)) == "65,536"
    assert operands(replace(WHOLE, plan="sample of 65536, seed 0")) == "sample of 65,536"


@pytest.mark.parametrize("fields", [
    {"ulps": {"0.5": 1}}, {"ulps": {"0.3": 63_486}}, {"wrong_special": 2051}, {"failures": 65_537},
    {"rounded": 63_481}, {"decided": 63_487}, {"parts": 2}, {"parts": 0}, {"begin": 1},
    {"worst": ("0.5 0x3c00",)}, {"worst": ("-1 0x0 0x0",)}, {"bound_ulp": "much"},
    {"wrong_special": 5, "failures": 4}, {"special": -1},
])  # fmt: skip
def test_a_record_that_cannot_be_true_is_refused(fields: dict[str, object]) -> None:
    forged = replace(WHOLE, **fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"add up|whole|bins|worst|distance|number"):
        from_line(to_line(forged))


def test_a_record_survives_its_line() -> None:
    assert from_line(to_line(WHOLE)) == WHOLE
