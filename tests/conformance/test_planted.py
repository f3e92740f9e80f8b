"""The judge catches what is wrong: one planted fault at a time, and a control without any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conformance.harness import plan, session
from conformance.harness.case import Case, parse_case
from conformance.harness.cells import Verdict
from conformance.harness.check import Check, Device
from conformance.harness.generate import case_seed, random_case
from conformance.harness.judging import judge_case, minority
from conformance.harness.subject import EngineSubject, NotAvailable, ReferenceSubject
from conformance.harness.suite import CatalogCells, Nonconforming, Recorder, targets
from conformance.harness.trial import judge
from tests.conformance import planted as faults
from tests.conformance.command import use
from tests.conformance.test_cells import Broken

FLOAT = ("float32", "float32")
# fault, what is planted, the cell that must fail
PLANTED: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "SIGN_OF_ZERO": ({"after": faults.loses_negative_zero}, "mul", FLOAT),
    "SIGN_OF_ZERO_MOVED": ({"after": faults.loses_negative_zero}, "neg", ("float64",)),
    "ONE_ULP": ({"execution": faults.OneUlp}, "div", FLOAT),
    "NAN_DROPPED": ({"execution": faults.MaximumDropsNan}, "maximum", FLOAT),
    "NAN_DROPPED_BY_MAX": ({"execution": faults.MaximumDropsNan}, "max", ("float32",)),
    "WRONG_WRAPAROUND": ({"execution": faults.Saturates}, "add", ("int8", "int8")),
    "WRONG_WRAPAROUND_WIDE": ({"execution": faults.Saturates}, "add", ("uint16", "uint16")),
    "FLUSHED_SUBNORMALS": ({"execution": faults.FlushesSubnormals}, "mul", FLOAT),
    "CONTRACTED": ({"execution": faults.Contracts}, "matmul", FLOAT),
    "OTHER_ORDER": ({"execution": faults.Reverses}, "sum", ("float32",)),
    "OTHER_ORDER_MATMUL": ({"execution": faults.Reverses}, "matmul", FLOAT),
    "SKIPPED": ({"skips": faults.skips_xor}, "bitwise_xor", ("int32", "int32")),
}


def check(name: str, *targets: tuple[str, tuple[str, ...]]) -> Check:
    made = Check([Device(name, EngineSubject(name), full=True)], targets)
    made.run()
    return made


@pytest.mark.parametrize("name", list(PLANTED))
def test_the_fault_is_caught(name: str) -> None:
    what, op, dtypes = PLANTED[name]
    with faults.planted(name, **what):
        found = check(name, (op, dtypes))
    (cell,) = found.cells
    assert cell.verdict is Verdict.FAIL
    assert found.cells.exit_code() == 1
    assert found.found


def test_the_control_passes() -> None:
    """The same machinery without a fault: no false alarm in any of these cells."""
    with faults.planted("CONTROL"):
        found = check("CONTROL", *{(op, dtypes) for _, op, dtypes in PLANTED.values()})
    assert {cell.verdict for cell in found.cells} == {Verdict.PASS}
    assert not found.found


def test_the_certificate_and_the_case_show_the_fault_again() -> None:
    with faults.planted("ONE_ULP_AGAIN", execution=faults.OneUlp):
        failure = check("ONE_ULP_AGAIN", ("div", FLOAT)).found[0].failure
        assert failure.ulp
        assert len(failure.case.inputs[0].data) == 4, "one element is enough"
        again = parse_case(failure.case.text)
        assert judge_case(again, EngineSubject("ONE_ULP_AGAIN").run(again))
    assert not judge_case(again, ReferenceSubject().run(again))


def test_random_programs_find_it_too() -> None:
    with faults.planted("ZEROS_IN_PROGRAMS", after=faults.loses_negative_zero) as name:
        subjects = {name: EngineSubject(name), "PYTHON": EngineSubject("PYTHON")}
        cases = [random_case(case_seed(3, k)) for k in range(60)]
        problems = [one.text for case in cases for one in judge(case, subjects).problems]
    assert problems
    certain = [problem for problem in problems if "numpy" in problem]
    assert certain and all("PYTHON" not in problem for problem in certain), "the right one is free"


class Silent:
    """A subject that answers fewer outputs than it was asked for."""

    name = "SILENT"

    def __init__(self, keeps: int) -> None:
        self.keeps = keeps

    def run(self, case: Case) -> list[bytes]:
        return ReferenceSubject().run(case)[: self.keeps]


@pytest.mark.parametrize("keeps", [0, 1])
def test_missing_outputs_are_no_pass(keeps: int) -> None:
    found = Check([Device("SILENT", Silent(keeps))], [("neg", ("int8",)), ("abs", ("int8",))])
    found.run()
    assert Verdict.PASS not in {cell.verdict for cell in found.cells}
    assert found.cells.exit_code() == 1


class Other:
    """Right, except that it answers as another device does where both are accepted."""

    def __init__(self, name: str, step: int) -> None:
        self.name, self.step = name, step

    def run(self, case: Case) -> list[bytes]:
        import numpy as np

        outputs = ReferenceSubject().run(case)
        if self.step and case.statements[0].op == "exp2":
            words = np.frombuffer(outputs[0], "<u4").copy()
            ordinary = (words > 0x3F800000) & (words < 0x40000000) & (words % 64 == 5)
            words[ordinary] += self.step
            outputs[0] = words.tobytes()
        return outputs


def test_devices_that_differ_are_a_failure_although_each_is_accepted() -> None:
    """One ulp of exp2 is inside its bound, and still not the same bits."""
    devices = [Device(n, Other(n, s)) for n, s in (("A", 0), ("B", 0), ("C", 1))]
    found = Check(devices, [("exp2", ("float32",))])
    found.run()
    verdicts = {cell.device: cell.verdict for cell in found.cells}
    assert verdicts == {"A": Verdict.PASS, "B": Verdict.PASS, "C": Verdict.FAIL}


class Negates:
    """Right, except that U has the other sign: factors that do not belong together."""

    name = "NEGATES"

    def run(self, case: Case) -> list[bytes]:
        import numpy as np

        outputs = ReferenceSubject().run(case)
        for k, value in enumerate(case.outputs):
            statement = case.statement_of(value)
            if statement is not None and statement.attributes["output"] == 0:
                words = np.frombuffer(outputs[k], "<u4")
                numbers = (words & 0x7FFFFFFF) <= 0x7F800000
                outputs[k] = np.where(numbers, words ^ 0x80000000, words).tobytes()
        return outputs


def test_results_of_one_call_are_judged_together() -> None:
    """Alone each of these factors is as good as any."""
    found = Check([Device("NEGATES", Negates())], [("svd", ("float32",))])
    found.run()
    assert {cell.verdict for cell in found.cells} == {Verdict.FAIL}
    failure = found.found[0].failure
    assert len(failure.case.outputs) == 3, "the case that shows it has them all"
    again = parse_case(failure.case.text)
    assert judge_case(again, Negates().run(again))
    assert not judge_case(again, ReferenceSubject().run(again))
    alone = replace(again, outputs=again.outputs[:1], expected=())
    assert not judge_case(alone, Negates().run(alone))


def test_without_a_majority_nobody_is_right() -> None:
    assert minority({"A": b"0", "B": b"1"}) == ["A", "B"]
    assert minority({"A": b"0", "B": b"0", "C": b"1", "D": b"1"}) == ["A", "B", "C", "D"]
    assert minority({"A": b"0", "B": b"0", "C": b"1"}) == ["C"]


class Fixed:
    """A subject that gives the same bits whatever it is asked."""

    def __init__(self, name: str, *outputs: bytes) -> None:
        self.name, self.outputs = name, list(outputs)

    def run(self, case: Case) -> list[bytes]:
        return self.outputs


def test_devices_that_differ_where_nothing_judges_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """What depends on a faithful function has no expected bits, but must be the same ones."""
    case = parse_case(
        "lockstep case 1\n%0 = buffer float32 (1,)\n    3f800000\n"
        "%1 = exp2 %0\n%2 = neg %1\noutput %2\n"
    )
    words = {"A": b"\0\0\0\xc0", "B": b"\1\0\0\xc0"}
    for others, expected in (("AB", 1), ("AA", 0)):
        subjects = [Device(n, Fixed(n, words[n])) for n in others]
        use(monkeypatch, *subjects)
        assert session.run_case(case, (), Console(quiet=True)) == expected


@pytest.mark.parametrize(("error", "verdict"), [
    (OSError("gone"), "crash"), (NotAvailable("lost", "plug it in"), "not run"),
])  # fmt: skip
def test_a_suite_does_not_pass_on_what_crashed_or_did_not_run(
    tmp_path: Path, error: Exception, verdict: str
) -> None:
    (target,) = targets(["elementwise"], ["neg"], ["int8"])
    devices = [Device("BROKEN", Broken(error)), Device("RIGHT", ReferenceSubject())]
    with pytest.raises(Nonconforming, match=f"on BROKEN: {verdict}"):
        CatalogCells(target, Recorder(devices, tmp_path)).judge()
    CatalogCells(target, Recorder(devices[1:], tmp_path)).judge()


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_range_falls_from_zero(dtype: str) -> None:
    """0 + 0 * -1 is +0, and only a falling range that starts at 0 can show it."""
    (batch,) = plan.batches("arange", (dtype,))
    ranges = [statement.attributes for statement in batch.case.statements]
    falling = [k for k, r in enumerate(ranges) if r["start"] == 0 and str(r["step"])[0] == "-"]
    assert falling
    values = ReferenceSubject().evaluate(batch.case)
    assert not any(values[k].tobytes()[: values[k].itemsize].strip(b"\0") for k in falling)


def test_expected_bits_of_a_case_are_judged() -> None:
    text = (
        "lockstep case 1\n%0 = buffer int8 (1,)\n    01\n%1 = neg %0\noutput %1\nexpect\n    02\n"
    )
    case = parse_case(text)
    assert judge_case(case, ReferenceSubject().run(case))
    assert not judge_case(replace(case, expected=(b"\xff",)), ReferenceSubject().run(case))
