"""The ledger: it explains what a driver does, and nothing else, and only as long as it is true."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from conformance.harness import session
from conformance.harness.campaign import summary
from conformance.harness.campaign.explain import Explainer
from conformance.harness.campaign.findings import Hit
from conformance.harness.campaign.isolated import Devices
from conformance.harness.campaign.store import Done, Order, Settings, Store
from conformance.harness.campaign.worker import settle
from conformance.harness.case import Case, parse_case
from conformance.harness.cells import Verdict
from conformance.harness.check import Check, Device
from conformance.harness.ledger import Driven, Ledger, current, read_ledger, replay
from conformance.harness.process import Limits
from conformance.harness.subject import ReferenceSubject
from conformance.harness.trial import Problem
from tests.conformance.command import lockstep, use, widen

WITNESS = """lockstep case 1
%0 = buffer float32 (1,)
    00000001
%1 = neg %0
output %1
expect
    80000001
"""
FIELDS = {
    "name": '"flush"', "device": '"GPU"', "driver": '"*Flushing*"', "op": '["neg", "abs"]',
    "dtypes": '[["float32"]]', "inputs": '["+subnormal", "-subnormal"]',
    "reason": '"negation of subnormals gives zero"', "witness": '"flush.case"',
    "bits": '["80000000"]', "expires": "2100-01-01",
}  # fmt: skip
TODAY = date(2026, 1, 1)
CELLS = [("neg", ("float32",)), ("neg", ("int8",)), ("sqrt", ("float32",))]


class Flushes(ReferenceSubject):
    """Subnormal results of some operators are zeros, with their sign."""

    name = "GPU"

    def __init__(self, *ops: str) -> None:
        self.ops = ops

    def run(self, case: Case) -> list[bytes]:
        outputs = super().run(case)
        for k, value in enumerate(case.outputs):
            statement = case.statement_of(value)
            if statement is not None and statement.op in self.ops:
                outputs[k] = flushed(outputs[k]) if len(outputs[k]) % 4 == 0 else outputs[k]
        return outputs


def flushed(data: bytes) -> bytes:
    words = [int.from_bytes(data[k : k + 4], "little") for k in range(0, len(data), 4)]
    kept = [word if word & 0x7F800000 else word & 0x80000000 for word in words]
    return b"".join(word.to_bytes(4, "little") for word in kept)


def written(folder: Path, witness: str = WITNESS, **changed: str) -> Ledger:
    """A ledger of one entry."""
    (folder / "flush.case").write_text(witness)
    lines = [f"{key} = {text}" for key, text in (FIELDS | changed).items() if text]
    file = folder / "known.toml"
    file.write_text("\n".join(["[[known]]", *lines]))
    return read_ledger(file)


def gpu(*ops: str, driver: str = "a Flushing driver, 1.0") -> Device:
    return Device("GPU", Flushes(*ops), driver=driver)


def verdicts(ledger: Ledger, device: Device) -> dict[tuple[str, ...], Verdict]:
    made = Check([device], CELLS, ledger=ledger)
    made.run()
    assert {found.failure.verdict for found in made.found} <= {"fail", "known"}
    return {(cell.op, *cell.dtypes): cell.verdict for cell in made.cells}


def test_what_it_explains_is_known(tmp_path: Path) -> None:
    found = verdicts(written(tmp_path), gpu("neg"))
    expected = {("neg", "float32"): Verdict.KNOWN, ("neg", "int8"): Verdict.PASS,
                ("sqrt", "float32"): Verdict.PASS}  # fmt: skip
    assert found == expected


@pytest.mark.parametrize("changed", [
    {"driver": '"*Other*"'}, {"inputs": '["+subnormal"]'}, {"device": '"OTHER"'},
])  # fmt: skip
def test_what_it_does_not_explain_in_full_fails(tmp_path: Path, changed: dict[str, str]) -> None:
    assert verdicts(written(tmp_path, **changed), gpu("neg"))["neg", "float32"] is Verdict.FAIL


def test_another_operator_is_not_excused(tmp_path: Path) -> None:
    """Square roots are never subnormal; `sqrt` is wrong otherwise."""
    ledger = written(tmp_path)
    device = replace(gpu("neg"), subject=Zeros())
    found = verdicts(ledger, device)
    assert found["sqrt", "float32"] is Verdict.FAIL
    assert found["neg", "float32"] is Verdict.FAIL, "more is wrong than the entry says"


class Zeros(ReferenceSubject):
    def run(self, case: Case) -> list[bytes]:
        return [bytes(len(bits)) for bits in super().run(case)]


def test_an_entry_that_matches_what_passes_fails_the_cell(tmp_path: Path) -> None:
    assert verdicts(written(tmp_path), gpu())["neg", "float32"] is Verdict.FAIL


def replayed(ledger: Ledger, device: Device, today: date = TODAY) -> list[str]:
    assert device.subject is not None
    return replay(ledger, [Driven(device.name, device.driver, device.subject)], today)


def test_a_witness_must_go_on_to_fail(tmp_path: Path) -> None:
    ledger = written(tmp_path)
    assert replayed(ledger, gpu("neg")) == []
    assert "passes: remove the entry" in replayed(ledger, gpu())[0]
    assert "gives 00000000, not 80000000" in replayed(
        ledger, replace(gpu(), subject=Zeros())
    )[0]  # fmt: skip
    assert replayed(ledger, gpu(driver="another one")) == []


def test_an_entry_expires_wherever_the_run_is(tmp_path: Path) -> None:
    ledger = written(tmp_path, expires="2025-12-31")
    assert "expired" in replayed(ledger, gpu("neg"))[0]
    assert "expired" in replay(ledger, [], TODAY)[0]
    assert replay(ledger, [], date(2025, 12, 31)) == []


@pytest.mark.parametrize("changed", [
    {"reason": ""}, {"reason": '""'}, {"op": '["frobnicate"]'}, {"dtypes": '[["int7"]]'},
    {"inputs": '["strange"]'}, {"expires": '"soon"'}, {"bits": '["80000001"]'}, {"bits": "[]"},
    {"witness": '"../flush.case"'}, {"witness": '"none.case"'}, {"name": '"A B"'},
    {"op": '["sqrt"]'}, {"dtypes": '[["float64"]]'}, {"inputs": '["qnan"]'}, {"device": '"gpu"'},
    {"reason": "3"}, {"more": "1"},
])  # fmt: skip
def test_an_entry_that_means_nothing_is_refused(tmp_path: Path, changed: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"known\.toml: entry"):
        written(tmp_path, **changed)


@pytest.mark.parametrize("witness", [
    WITNESS.replace("expect\n    80000001\n", ""), WITNESS.replace("output %1", "output %0"),
    WITNESS.replace("neg", "abs %0\n%2 = neg"), "lockstep case 1\n",
])  # fmt: skip
def test_a_witness_is_one_statement_with_its_bits(tmp_path: Path, witness: str) -> None:
    with pytest.raises(ValueError, match="entry flush"):
        written(tmp_path, witness)


def test_the_command_says_what_is_wrong_with_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widen(monkeypatch)
    ledger = written(tmp_path)
    options = ("check", "--op", "neg", "--dtype", "float32", "--workers", "1", "--out")
    monkeypatch.setattr(session, "current", lambda: ledger)
    use(monkeypatch, gpu("neg"))
    assert run(*options, str(tmp_path / "a")) == (0, True)
    use(monkeypatch, gpu())
    assert run(*options, str(tmp_path / "b")) == (1, False)


def run(*arguments: str) -> tuple[int, bool]:
    code, output = lockstep(*arguments)
    return code, "known" in output and "remove the entry" not in output


PROGRAM = """lockstep case 1
%0 = buffer float32 (2,)
    00000001 3f800000
%1 = neg %0
%2 = sqrt %1
output %1
output %2
"""


@pytest.mark.parametrize("driver, verdict", [("Flushing 1", "known"), ("another", "fail")])
def test_a_campaign_knows_what_it_explains(tmp_path: Path, driver: str, verdict: str) -> None:
    store = Store(tmp_path)
    store.begin(Settings(1, ("GPU",), None, 1), 1, {})
    problem = Problem("bits", ("GPU",), 1, "neg", ("float32", "float32"), "%1 neg: GPU differs")
    store.finish(Order(0), Done(cases=1, hits=[Hit(0, 0, problem, PROGRAM)]))
    claim = store.findings.claim("1")
    assert claim is not None
    devices = Devices("", ("GPU",), {"GPU": driver})
    explainer = Explainer(devices, {"GPU": Flushes("neg")}, Limits(), written(tmp_path))
    settle(store.findings, claim, "1", explainer.cause(claim))
    (bucket,) = store.findings.buckets()
    assert bucket.verdict == verdict
    assert len(parse_case(bucket.body).statements) == 1
    assert summary.exit_code(store) == (1 if verdict == "fail" else 2), "nothing ran here"


def test_the_projects_own_ledger_can_be_read() -> None:
    assert replay(current(), [], date.today()) == []
