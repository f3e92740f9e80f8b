"""Sequences: their text, numpy's views and writes, what is drawn, and what is made small."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.harness.sequences.draw import STEPS, random_sequence
from conformance.harness.sequences.evaluate import NotRefused, Run, Seen
from conformance.harness.sequences.judge import difference, expected
from conformance.harness.sequences.lazy import OPERATORS, UPDATES
from conformance.harness.sequences.model import Model, own
from conformance.harness.sequences.shrink import shrink
from conformance.harness.sequences.text import (
    HEADER,
    Sequence,
    is_sequence_file,
    parse_sequence,
    parse_sequences,
    statement,
)
from oracles.formats import FORMATS, Array


def sequence(*lines: str) -> Sequence:
    return parse_sequence("\n".join([HEADER, *lines]))


def last(*lines: str) -> dict[str, list[Any]]:
    """What every tensor is at the end, as numbers."""
    run = Run(Model())
    run.all(sequence(*lines))
    return {n: x.tolist() for n, x in run.names.items() if isinstance(x, np.ndarray)}


# -- text ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", range(30))
def test_what_is_drawn_prints_and_parses_to_itself(number: int) -> None:
    drawn = random_sequence(7, number)
    assert parse_sequence(drawn.text) == drawn
    assert parse_sequence(drawn.text).text == drawn.text


def test_a_file_holds_several_with_their_notes() -> None:
    one = Sequence((statement("x = zeros((2,), 'int32')"),), ("first", "more"))
    two = Sequence((statement("del x"),))
    assert parse_sequences(one.text + "\n" + two.text) == [one, two]


@pytest.mark.parametrize("line", [
    "import os", "x = open('f')", "x = __import__('os')", "x.tobytes()", "x = y.__class__",
    "x = tensor([1], 'int32').data", "exec('1')", "x = lambda: 0", "x = [k for k in y]",
    "x = y if z else w", "x, y = z", "x: int = 0", "while True:\n    x += 1", "x = f'{y}'",
    "x = 'a/b'", "x = b'a'", "x = 1j", "for k in range(1000000):\n    x += 1",
    "for k in y:\n    x += 1", "with refused('BaseException'):\n    x += 1", "y.x = 1",
    "x = zeros(*y)", "x = zeros(**y)", "realize = 1", "X = zeros((2,), 'int32')", "x = due(x, 1)",
    "x = y.sum(axis=0).grad", "with open('f'):\n    x += 1", "x < y < z", "x = y and z",
    "def f(x):\n    x += 1", "x = (y := 1)", "x = not y", "del x[0]", "x = (",
])  # fmt: skip
def test_what_is_no_sequence_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="line 3"):
        sequence("y = zeros((2,), 'int32')", line)


@pytest.mark.parametrize("line", [
    "x = " + "(" * 300 + "1" + ")" * 300,
    "x = " + "-" * 5000 + "1",
    "x = y" + ".neg()" * 3000,
    "x = y" + "[0]" * 3000,
    "x = " + "+".join(["1"] * 9000),
    "x = '" + "a" * (1 << 17) + "'",
])
def test_what_is_too_deep_or_long_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line"):
        sequence(line)


def test_a_file_is_known_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(HEADER + "\n")
    (tmp_path / "b").write_text("lockstep case 1\n")
    assert is_sequence_file(tmp_path / "a")
    assert not is_sequence_file(tmp_path / "b")


@pytest.mark.parametrize("line", [
    "x = full((4000, 4000), 1, 'int32')",
    "x = zeros((1,), 'int32').expand((9999, 9999)).clone()",
    "x = (zeros((4000, 1), 'int32') + zeros((1, 4000), 'int32')).sum(axis=0)",
    "x = zeros((3,), 'int32').pad(padding=((0, 99999999),))",
])  # fmt: skip
def test_what_would_take_too_much_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"most|limit|elements"):
        expected(sequence(line))


def test_a_sequence_ends() -> None:
    rounds = "for k in range(9000):\n    y = x\n    y = x\n    y = x"
    with pytest.raises(ValueError, match="steps"):
        expected(sequence("x = zeros((1,), 'int32')", rounds))


# -- numpy -----------------------------------------------------------------------------------------
VIEWS = {
    "x[1]": True, "x[1:, ::2]": True, "x[None, ..., ::-1]": True, "x.permute((1, 0))": True,
    "x.flip(0)": True, "x.reshape((8,))": True, "x.flatten()": True, "x.diagonal()": True,
    "x.unfold(1, 2, 2)": True, "x.bitcast('float32')": True, "x.bitcast('int8')": True,
    "x.detach()": True, "x.shrink(((0, 1), (1, 3)))": True, "x.unsqueeze(0)": True, "x": True,
    "x.cast(dtype='int32')": True, "x.to('here')": True, "x.expand((2, 2, 4))": True,
    "x.permute((1, 0)).reshape((8,))": False, "x[[0]]": False, "x[x > 2]": False,
    "x.clone()": False, "x.contiguous()": False, "x.cast(dtype='int16')": False, "x + 0": False,
    "x.sum(axis=0)": False, "x.pad(padding=((0, 0), (0, 0)))": False, "x.to('there')": False,
    "x[tensor([0, 1], 'int32')]": False, "x.cat(x, dim=0)": False,
}  # fmt: skip


@pytest.mark.parametrize("expression", VIEWS, ids=str)
def test_numpy_knows_what_is_a_view(expression: str) -> None:
    """What is written to x afterwards is seen in a view, and not in a copy."""
    start = "x = tensor([[1, 2, 3, 4], [5, 6, 7, 8]], 'int32')"
    old = last(start, f"y = {expression}")["y"]
    new = last(start, f"y = {expression}", "x[...] = -1")["y"]
    assert (old != new) is VIEWS[expression]


@pytest.mark.parametrize("expression", [
    "x.permute((1, 0)) + 1", "x.permute((1, 0)).clone()", "x.flip(0).cast(dtype='int16')",
])  # fmt: skip
def test_what_is_computed_is_row_major(expression: str) -> None:
    """So that flat views of it are views."""
    made = last("x = arange(6, 'int32').reshape((2, 3))", f"y = {expression}",
                "f = y.reshape((6,))", "f[...] = 9")  # fmt: skip
    assert {number for row in made["y"] for number in row} == {9}


def test_a_refused_statement_must_raise_what_is_named() -> None:
    start = "x = zeros((2,), 'int32')"
    expected(sequence(start, "with refused('IndexError'):\n    x[2] = 0"))
    with pytest.raises(NotRefused, match="did not raise"):
        expected(sequence(start, "with refused('IndexError'):\n    x[1] = 0"))
    with pytest.raises(NotRefused, match="not ValueError"):
        expected(sequence(start, "with refused('ValueError'):\n    x[2] = 0"))


def test_due_is_compared_with_numpy() -> None:
    expected(sequence("x = arange(3, 'int32')", "due(x, [0, 1, 2])"))
    with pytest.raises(AssertionError, match="due is"):
        expected(sequence("x = arange(3, 'int32')", "due(x, [0, 1, 3])"))
    with pytest.raises(AssertionError, match="shape"):
        expected(sequence("x = arange(3, 'int32')", "due(x, [[0, 1, 2]])"))


def test_every_operator_has_its_update() -> None:
    assert set(UPDATES) < set(OPERATORS)


# -- what is drawn ---------------------------------------------------------------------------------
def test_a_number_is_one_sequence() -> None:
    assert random_sequence(3, 4) == random_sequence(3, 4)
    assert random_sequence(3, 4) != random_sequence(3, 5)
    assert random_sequence(3, 4) != random_sequence(4, 4)


def test_every_kind_of_statement_is_drawn() -> None:
    text = "\n".join(random_sequence(0, number).text for number in range(100))
    for part in ("tensor(", "bits(", "full(", "arange(", "zeros(", ".permute(", ".flip(",
                 ".reshape(", ".bitcast(", ".expand(", ".diagonal(", ".unfold(", ".assign(",
                 ".clone(", ".cast(", "to('there')", "to('here')", "refused(", "realize(", "del ",
                 "+= ", "*= ", "|= ", "] = ", "::-1", "None", "..."):  # fmt: skip
        assert part in text, part
    assert len(STEPS) >= 15


def test_every_dtype_is_drawn_and_looked_at_as_another() -> None:
    text = "\n".join(random_sequence(0, number).text for number in range(200))
    for dtype in FORMATS:
        assert f"'{dtype}'" in text, dtype
        assert f".bitcast('{dtype}')" in text or dtype == "bool", dtype


# -- a wrong world is noticed, and made small ------------------------------------------------------
class NoSnapshot(Model):
    """Writes forward, element by element: what overlaps is read after it has been written."""

    def write(self, x: Any, key: Any, value: Any) -> None:
        part = self.read(x, key)
        if not isinstance(value, np.ndarray) or value.shape != part.shape or not part.ndim:
            super().write(x, key, value)
            return
        for place in np.ndindex(part.shape):
            part[place] = value[place]


class Copies(Model):
    """Where a view is due there is a copy."""

    def read(self, x: Any, key: Any) -> Array:
        return own(super().read(x, key))


class Dropped(Model):
    """An update in place is lost."""

    def update(self, op: str, x: Any, value: Any) -> Any:
        super().update(op, own(x), value)
        return x


def _wrong(world: Model, one: Sequence) -> bool:
    return difference(_seen(world, one), expected(one)) is not None


def _seen(world: Model, one: Sequence) -> list[Seen]:
    return Run(world).all(one)


@pytest.mark.parametrize("world", [NoSnapshot, Copies, Dropped])
def test_a_wrong_world_is_found_and_the_sequence_made_small(world: type[Model]) -> None:
    def is_wrong(one: Sequence) -> bool:
        return _wrong(world(), one)

    wrong = filter(is_wrong, map(random_sequence, [0] * 500, range(500)))
    small = [shrink(one, is_wrong, 20) for one in islice(wrong, 3)]
    assert all(map(is_wrong, small))
    assert min(len(one.statements) for one in small) <= 3, small[0].text
