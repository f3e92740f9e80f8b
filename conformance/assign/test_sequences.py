"""Random sequences: hypothesis draws some and shrinks what is wrong, and each device has its share.

Every sequence runs lazily, with everything computed after each statement, and with memory of its
own for each intermediate value; all of it must be what numpy makes of it. A share is a range of
numbers of one seed: `lockstep fuzz --kind sequences` runs as many others as one likes.
"""

from __future__ import annotations

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from conformance.harness.devices import under_test
from conformance.harness.generate.strategies import DrawChooser
from conformance.harness.sequences.draw import STEPS, Growing, random_sequence
from conformance.harness.sequences.judge import judge, judge_way
from conformance.harness.sequences.lazy import WAYS

DEVICES = [device.name for device in under_test() if device.subject is not None]
SEED = 1
SHARES = {"LLVM": 50, "CPU": 8, "PYTHON": 30}
OTHERS = 8  # sequences for any other device


@pytest.mark.parametrize("device", DEVICES)
def test_a_share_of_random_sequences_is_right(device: str) -> None:
    start = DEVICES.index(device) * 1000  # each device has numbers of its own
    for number in range(start, start + SHARES.get(device, OTHERS)):
        sequence = random_sequence(SEED, number)
        for way in WAYS:
            wrong = judge_way(sequence, device, DEVICES, way)
            assert wrong is None, f"sequence {number} of seed {SEED}: {wrong}\n\n{sequence.text}"


class Assignment(RuleBasedStateMachine):
    """Tensors, views, readers and writes; at the end all that is there is compared."""

    def __init__(self) -> None:
        super().__init__()
        self.growing: Growing | None = None

    def teardown(self) -> None:
        if self.growing is None or not self.growing.statements:
            return
        sequence = self.growing.sequence()
        wrong = judge(sequence, DEVICES[:2], WAYS[:2])
        assert not wrong, f"{wrong[0]}\n\n{sequence.text}"

    @rule(data=st.data())
    def make(self, data: st.DataObject) -> None:
        self._step(data, "make")

    def _step(self, data: st.DataObject, kind: str) -> None:
        chooser = DrawChooser(data.draw)
        if self.growing is None:
            self.growing = Growing(chooser)
        self.growing.chooser = chooser
        self.growing.step(kind)

    def _has_tensors(self) -> bool:
        return self.growing is not None and bool(self.growing.tensors())


def _rule(kind: str) -> object:
    @precondition(Assignment._has_tensors)
    @rule(data=st.data())
    def step(self: Assignment, data: st.DataObject) -> None:
        self._step(data, kind)

    return step


for _kind in STEPS:
    if _kind != "make":
        setattr(Assignment, _kind.replace(" ", "_"), _rule(_kind))

TestAssignment = Assignment.TestCase
TestAssignment.settings = settings(max_examples=20, stateful_step_count=16, deadline=None)
