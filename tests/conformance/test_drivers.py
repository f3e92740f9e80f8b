"""What a driver of a device does to its process is a finding about one program."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from conformance.harness.campaign.isolated import Devices, Ended, IsolatedSubject, may_fork
from conformance.harness.case import parse_case
from conformance.harness.generate import case_seed, random_draw
from conformance.harness.process import Limits
from conformance.harness.subject import EngineSubject
from engine.backends.base import DeviceUnavailable
from engine.backends.registry import backend
from tests.conformance.campaigns import DEADLY, LENGTH, done, fuzz, place_of
from tests.conformance.drivers import SOURCE
from tests.conformance.mortal import has_abs

ROOT = Path(__file__).parents[2]
DRAWS = 3
CASE = "lockstep case 1\n%0 = buffer int8 (1,)\n    80\n%1 = {} %0\noutput %1\n"
GOOD, BAD = parse_case(CASE.format("neg")), parse_case(CASE.format("abs"))


@pytest.fixture(autouse=True)
def adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import the devices of the tests, and there is an adapter."""
    monkeypatch.syspath_prepend(str(ROOT))
    try:
        _ = backend("WEBGPU").target
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")


@pytest.mark.parametrize(
    ("name", "kind", "signal"), [("SPINS", "timeout", "SIGPROF"), ("ABORTS", "crash", "SIGABRT")]
)
def test_who_is_ended_by_its_driver_is_replaced(name: str, kind: str, signal: str) -> None:
    """By a process that is started anew: none is forked from one that has started the driver."""
    subject = IsolatedSubject(Devices(SOURCE, (name,)), Limits(seconds=2.0))
    try:
        for _ in range(2):
            assert subject.run(GOOD) == [bytes([0x80])]
            with pytest.raises(Ended, match=signal) as caught:
                subject.run(BAD)
            assert caught.value.ending.kind == kind
            assert subject.child is None
    finally:
        subject.close()


def seed_with_one(draws: int) -> int:
    """A seed of which one structure is deadly, and is not the first."""
    for seed in count():
        cases = [random_draw(case_seed(seed, k), LENGTH).cases[0] for k in range(draws)]
        deadly = [place_of(case) < DEADLY for case in cases]
        if not any(map(has_abs, cases)) and sum(deadly) == 1 and not deadly[0]:
            return seed
    raise AssertionError


@pytest.mark.slow
@pytest.mark.timeout(900)  # what ends a process is bisected and shrunk in processes that it ends
@pytest.mark.parametrize(("name", "kind"), [("SPINS", "timeout"), ("ABORTS", "crash")])
def test_a_campaign_has_one_finding_of_one_program(name: str, kind: str, tmp_path: Path) -> None:
    """The other draws are judged as if nothing had been."""
    limits, seed = Limits(seconds=5.0), seed_with_one(DRAWS)
    assert fuzz(tmp_path, DRAWS, name, workers=1, limits=limits, seed=seed, source=SOURCE) == 1
    found = done(tmp_path)
    assert len(found["draws"]) == DRAWS
    assert set(found["signatures"]) == {f"{kind} {name} - "}
    assert [verdict for _, _, verdict in found["buckets"]] == [kind]


def test_which_devices_survive_a_fork() -> None:
    known = {name: may_fork(EngineSubject(name)) for name in ("LLVM", "PYTHON", "WEBGPU")}
    assert known == {"LLVM": True, "PYTHON": True, "WEBGPU": False}
    assert not may_fork(EngineSubject("WEBGPU/only_words"))
