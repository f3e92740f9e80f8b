"""Sweeps: what is wrong is found, what is finished is kept, and only what is true is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.harness.check import Device
from conformance.harness.sweep import measure, operands, progress, session, subjects, table
from conformance.harness.sweep.measure import Sweep
from conformance.harness.sweep.operands import Plan
from engine import Context
from engine.linear import LinearKernel
from oracles import torch_ref
from oracles.formats import Array
from reports.records import SweepRecord, from_line, to_line
from tests.conformance.command import lockstep, use, widen
from tests.conformance.planted import planted

PARTS = 16  # of float16 in these tests
NUMPY_EXP2 = ("sweep", "exp2", "--dtype", "float16", "--against", "numpy", "--workers", "1")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    widen(monkeypatch)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operands, "PART", (1 << 16) // PARTS)


def swept(folder: Path, *options: str) -> tuple[int, str]:
    return lockstep("sweep", "--out", str(folder), "--workers", "1", *options)


def run(folder: Path, op: str = "exp2", name: str = "numpy") -> SweepRecord:
    """All operands of float16."""
    sweeps = [Sweep(op, Plan("float16"), name)]
    _, (record,) = session.run_sweeps(sweeps, folder, None, session.Console(quiet=True), 1)
    return replace(record, seconds=0)


# -- what is found ---------------------------------------------------------------------------------
@pytest.mark.parametrize("op", ["exp2", "log1p", "atanh", "rsqrt"])
def test_all_of_float16_on_a_device(tmp_path: Path, op: str) -> None:
    record = run(tmp_path, op, "LLVM")
    assert record.complete
    assert record.elements == 1 << 16
    assert (record.failures, record.wrong_special) == (0, 0)
    assert record.special >= 2046  # NaNs
    assert measure.distance(record.worst[0]) <= float(record.bound_ulp)


needs_torch = pytest.mark.skipif(
    not torch_ref.available(), reason=f"not run: {torch_ref.REMEDY}"
)


@pytest.mark.parametrize("name", ["LLVM", pytest.param("torch", marks=needs_torch)])
def test_all_of_bfloat16(tmp_path: Path, name: str) -> None:
    code, output = swept(tmp_path, "exp2", "tanh", "--dtype", "bfloat16", *beside(name))
    assert code == 0
    assert output.count("all 65,536 operands") == 2


def beside(name: str) -> tuple[str, str]:
    return ("--device" if name == "LLVM" else "--against", name)


def one_ulp_at_one(kernel: LinearKernel, written: Sequence[Array]) -> None:
    """The result at 1.0 is the next number."""
    for array in written:
        array.view(np.uint16)[0x3C00] += 1


def a_payload(kernel: LinearKernel, written: Sequence[Array]) -> None:
    """The result at infinity is a NaN."""
    for array in written:
        array.view(np.uint16)[0x7C00] = 0x7E00


@pytest.mark.parametrize(("fault", "where", "special"), [
    (one_ulp_at_one, "0x3c00", 0), (a_payload, "0x7c00", 1),
])  # fmt: skip
def test_one_wrong_result_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[..., None],
    where: str,
    special: int,
) -> None:
    use(monkeypatch, Device("WRONG", None))
    with planted("WRONG", after=fault):
        code, output = swept(tmp_path, "log1p", "--dtype", "float16", "--device", "WRONG")
        record = run(tmp_path, "log1p", "WRONG")
    assert code == 1
    assert f"at {where} the result" in output
    assert (record.failures, record.wrong_special) == (1, special)
    assert record.worst[0].split(" ")[1] == where


def test_the_control_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Device("RIGHT", None))
    with planted("RIGHT"):
        code, output = swept(tmp_path, "log1p", "--dtype", "float16", "--device", "RIGHT")
    assert code == 0
    assert "all 65,536 operands" in output
    assert "0 failed" in output


def test_a_judge_that_cannot_be_trusted_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doubted(name: str, x: Sequence[Array]) -> None:
        raise measure.quick.TrustError("the estimate is poor")

    monkeypatch.setattr(measure.quick, "check_estimates", doubted)
    code, output = lockstep(*NUMPY_EXP2, "--out", str(tmp_path))
    assert code == 1
    assert "the estimate is poor" in output
    assert not list(tmp_path.iterdir())


def test_the_least_result_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among large operands: the one that is nearest to an odd multiple of pi / 2."""
    found: list[float] = []
    monkeypatch.setattr(measure.quick, "check_estimates", lambda op, x: found.extend(x[0].tolist()))
    part = 0x7B000000 // operands.PART
    measure.measure(Sweep("cos", Plan("float32"), "numpy"), part)
    (x,) = Plan("float32").operands(part)
    assert len(found) == measure.CHECKED + 1
    assert float(x[np.argmin(np.abs(np.cos(x)))]) in found


def test_a_sample_has_the_hard_cases_and_is_the_same_again() -> None:
    plan = Plan("float64", sample=20_000, seed=3)
    (first,) = plan.operands(0)
    assert 6381956970095103 * 2.0**797 in first
    assert np.isinf(first).any() and np.isnan(first).any()
    assert [plan.size(k) for k in range(plan.parts)] == [8192, 8192, 20_000 - 16_384]
    other = Plan("float64", 20_000, seed=4)
    chosen = ((plan, 2), (plan, 2), (plan, 1), (other, 1))
    drawn = [one.operands(part)[0].tobytes() for one, part in chosen]
    assert drawn[0] == drawn[1] and len(set(drawn)) == 3


def test_a_sample_of_float64(tmp_path: Path) -> None:
    code, output = swept(tmp_path, "exp", "--dtype", "float64", "--sample", "400")
    assert code == 0
    assert "sample of 400 operands" in output


def test_parts_are_all_patterns_once(small_parts: None) -> None:
    plan = Plan("float16")
    words = np.concatenate([plan.operands(k)[0].view(np.uint16) for k in range(plan.parts)])
    assert plan.parts == PARTS
    np.testing.assert_array_equal(words, np.arange(1 << 16))
    pairs = [Plan("float8_e5m2", arity=2).operands(k) for k in range(PARTS)]
    x, y = (np.concatenate(side).view(np.uint8).astype(int) for side in zip(*pairs))
    np.testing.assert_array_equal(x * 256 + y, np.arange(1 << 16))


def test_a_sample_of_pairs_has_edges_and_every_kind() -> None:
    plan = Plan("float32", sample=10_000, arity=2)
    x, y = (np.abs(one) for one in plan.operands(1))
    with np.errstate(all="ignore"):
        reach = np.log2(x.astype(float)) * y
    for found in (np.abs(x - 1) < 2.0**-10, (reach > 120) & (reach < 130), x > 2.0**100,
                  (reach < -126) & (reach > -151), (y == 2) & (x != 1)):  # fmt: skip
        assert found.sum() > 20
    zeros = [(one == 0).sum() for one in plan.operands(0)]
    assert min(zeros) > 10


@pytest.mark.parametrize("dtype", ["float8_e5m2", "float16", "float64"])
def test_powers(tmp_path: Path, dtype: str) -> None:
    code, output = swept(tmp_path, "pow", "--dtype", dtype, "--sample", "3000")
    assert code == 0 and "sample of 3,000 operands" in output
    numpy = ("--dtype", "float32", "--sample", "3000", "--against", "numpy")
    assert swept(tmp_path, "pow", *numpy)[0] == 0


@pytest.mark.parametrize(("exponent", "found"), [
    (0x3C, "at 0x42, 0x3c the result 0x43 is 1 ulp"),  # 3 ** 1 is 3.5
    (0x40, "at most 0.5 ulp"),  # 3 ** 2 = 9 is 10, as near as 8, which is even
])  # fmt: skip
def test_a_wrong_power_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exponent: int, found: str
) -> None:
    def one_more(kernel: LinearKernel, written: Sequence[Array]) -> None:
        for array in written:
            array.view(np.uint8)[0x42 << 8 | exponent] += 1

    use(monkeypatch, Device("WRONG", None))
    with planted("WRONG", after=one_more):
        code, output = swept(tmp_path, "pow", "--dtype", "float8_e5m2", "--device", "WRONG")
    assert code == 1
    assert found in output and "1 failed" in output


# -- libraries -------------------------------------------------------------------------------------
def test_libraries_are_measured_and_have_no_bound(tmp_path: Path) -> None:
    code, output = lockstep(*NUMPY_EXP2, "--out", str(tmp_path))
    assert code == 0
    assert "numpy" in output
    assert "failed" not in output


def test_what_a_library_has_not_is_not_run(tmp_path: Path) -> None:
    code, output = swept(tmp_path, "erf", "--dtype", "float16", "--against", "numpy")
    assert code == 2
    assert "not run: numpy has no erf" in output
    code, output = swept(tmp_path, "exp", "--dtype", "float8_e5m2", "--against", "numpy")
    assert code == 2
    assert "not run: numpy has no float8_e5m2" in output


@needs_torch
def test_torch_agrees_with_numpy_where_both_are_right(tmp_path: Path) -> None:
    assert run(tmp_path, "exp", "torch").wrong_special == 0


# -- going on --------------------------------------------------------------------------------------
def interrupt_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    whole, left = session.judged, [count]

    def judged(sweep: Sweep, part: int) -> SweepRecord | str:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return whole(sweep, part)

    monkeypatch.setattr(session, "judged", judged)


def test_a_sweep_goes_on_where_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_parts: None
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(patch, 5)
        code, output = lockstep(*NUMPY_EXP2, "--out", str(tmp_path / "twice"))
    assert code == 1
    assert "interrupted" in output
    assert "11 parts of 16 left" in output
    (file,) = (tmp_path / "twice").iterdir()
    assert len(file.read_text().splitlines()) == 5
    wanted = run(tmp_path / "once")
    interrupt_after(monkeypatch, 12)  # one that is known, and the eleven
    assert run(tmp_path / "twice") == wanted
    assert len(file.read_text().splitlines()) == PARTS


def test_two_processes_find_the_same(tmp_path: Path) -> None:
    options = ("sweep", "exp", "--dtype", "float64", "--sample", "16384", "--against", "numpy")
    assert lockstep(*options, "--workers", "2", "--out", str(tmp_path / "two"))[0] == 0
    assert lockstep(*options, "--workers", "1", "--out", str(tmp_path / "one"))[0] == 0
    found = []
    for name in ("one", "two"):
        (file,) = (tmp_path / name).iterdir()
        parts = [progress.unsealed(line) for line in file.read_text().splitlines()]
        found.append(sorted((replace(one, seconds=0.0) for one in parts), key=lambda r: r.begin))
    assert found[0] == found[1]


def test_without_time_nothing_ran(tmp_path: Path) -> None:
    assert lockstep(*NUMPY_EXP2, "--budget", "0", "--out", str(tmp_path))[0] == 2


def test_a_torn_last_line_is_measured_again(tmp_path: Path, small_parts: None) -> None:
    wanted = run(tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_text()
    file.write_text(whole[:-30])
    assert run(tmp_path) == wanted
    assert sorted(file.read_text().splitlines()) != []
    assert len(file.read_text().splitlines()) == PARTS


def test_results_of_other_code_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    monkeypatch.setattr(np, "__version__", "0.0.1")
    second = run(tmp_path)
    assert first.identity != second.identity
    (file,) = tmp_path.iterdir()
    assert [r.identity for r in map(progress.unsealed, file.read_text().splitlines())] == [
        second.identity
    ]


def test_the_identity_is_that_of_the_operations() -> None:
    engine = subjects.EngineFunctions("LLVM")
    dtypes = ("float16", "float32")
    found = {engine.identity(op, dtype) for op in ("exp", "log") for dtype in dtypes}
    assert len(found) == 4
    assert engine.identity("exp", "float32") in found
    with Context(OPTIMIZE=0, THREADS=1):
        assert engine.identity("exp", "float32") in found


# -- files that are not what they say --------------------------------------------------------------
def changed(file: Path, **fields: Any) -> None:
    """The first record with other fields, and with a digest that fits."""
    first, *rest = file.read_text().splitlines(keepends=True)
    record = replace(progress.unsealed(first.rstrip("\n")), **fields)
    file.write_text("".join([progress.sealed(record), *rest]))


def first_record(file: Path) -> SweepRecord:
    return progress.unsealed(file.read_text().splitlines()[0])


def forge_sum(file: Path) -> None:
    changed(file, ulps={**first_record(file).ulps, "0.5": 1})


def forge_special(file: Path) -> None:
    changed(file, wrong_special=first_record(file).special + 1)


def forge_part(file: Path) -> None:
    changed(file, begin=99, of=1000)


def forge_size(file: Path) -> None:
    record = first_record(file)
    changed(file, elements=record.elements - 1, special=record.special - 1)


def forge_function(file: Path) -> None:
    changed(file, op="exp")


def forge_worst(file: Path) -> None:
    changed(file, worst=("[red]0.5",))


def repeat(file: Path) -> None:
    file.write_text(file.read_text() * 2)


def damage(file: Path) -> None:
    file.write_text(file.read_text().replace('"rounded": ', '"rounded": 1', 1))


def replace_all(file: Path) -> None:
    file.write_text("__import__('os').abort()\n")


def nest(file: Path) -> None:
    body = "[" * 100_000
    file.write_text(f"{progress._digest(body)} {body}\n")


@pytest.mark.parametrize("harm", [
    forge_sum, forge_special, forge_part, forge_size, forge_function, forge_worst, repeat, damage,
    replace_all, nest,
])  # fmt: skip
def test_a_file_that_cannot_be_true_is_refused(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    run(tmp_path)
    (file,) = tmp_path.iterdir()
    harm(file)
    before = file.read_text()
    code, output = lockstep(*NUMPY_EXP2, "--out", str(tmp_path))
    assert code == 2
    assert "line" in output
    assert file.read_text() == before


def test_a_consistent_forgery_is_measured(tmp_path: Path) -> None:
    """One finished part is measured again, and must be what the file says."""
    run(tmp_path)
    (file,) = tmp_path.iterdir()
    rounded = first_record(file).rounded
    changed(file, rounded=rounded - 1)
    code, output = lockstep(*NUMPY_EXP2, "--out", str(tmp_path))
    assert code == 1
    assert "says something else of part 0" in output


@pytest.mark.parametrize("options", [
    ("add",), ("frobnicate",), ("exp", "--dtype", "int8"), ("exp", "--device", "QUANTUM"),
    ("exp", "--against", "matlab"), ("exp", "--sample", "0"), ("exp", "--budget", "nan"),
    ("exp", "--budget", "-1"), ("exp", "--sample", str(1 << 40)), ("exp", "--workers", "0"),
])  # fmt: skip
def test_wrong_usage(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert lockstep("sweep", "--out", str(tmp_path), *options)[0] == 2


# -- records and the page --------------------------------------------------------------------------
def test_records_survive_their_line(tmp_path: Path) -> None:
    record = run(tmp_path)
    assert from_line(to_line(record)) == record
    assert progress.unsealed(progress.sealed(record).rstrip("\n")) == record


def test_the_page_comes_from_the_records(tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "docs"
    code, output = lockstep(*NUMPY_EXP2, "--out", str(out), "--record", str(folder))
    assert code == 0
    assert "1 results added" in output
    swept(out, "exp2", "--dtype", "float16", "--record", str(folder))
    assert not table.is_stale(folder)
    page = (folder / table.PAGE).read_text()
    assert "| `exp2` | LLVM | all 65,536 | 0.5 |" in page
    assert "| 100% |" in page
    (folder / table.PAGE).write_text(page + "more\n")
    assert table.is_stale(folder)
    assert lockstep("docs", "--check", "--out", str(folder / "ops"))[0] == 1
    assert table.write(folder)
    assert (folder / table.PAGE).read_text() == page


def test_records_of_other_code_are_named(tmp_path: Path) -> None:
    record = run(tmp_path / "out", "exp2", "LLVM")
    table.keep(tmp_path, [record, run(tmp_path / "out")])
    assert table.outdated(tmp_path) == []
    table.keep(tmp_path, [replace(record, identity="0" * 32)])
    assert table.outdated(tmp_path) == ["exp2 float16 LLVM"]
    code, output = lockstep("docs", "--check", "--out", str(tmp_path / "ops"))
    assert code == 1  # the pages on operators are missing
    assert "measured with other code: exp2 float16 LLVM" in output


def test_what_knows_more_operands_stays(tmp_path: Path) -> None:
    whole = run(tmp_path / "out")
    part = replace(whole, plan="sample of 65000, seed 0", elements=65_000,
                   special=whole.special - 536)  # fmt: skip
    assert table.keep(tmp_path, [whole]) == [whole]
    assert table.keep(tmp_path, [part]) == []
    other = replace(part, identity="0" * 32)
    assert table.keep(tmp_path, [other]) == [other]
    assert list(table.load(tmp_path).values()) == [other]


def test_nothing_measured_is_no_page(tmp_path: Path) -> None:
    assert not table.is_stale(tmp_path)
    assert not table.write(tmp_path)
    assert not list(tmp_path.iterdir())
