"""A program in the making."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import CONST_LIMIT, Case, Statement
from conformance.harness.generate.choosing import Chooser, Weighted, chance, choose
from conformance.harness.generate.data import Maker, Source, mixed, neutral
from conformance.harness.subject import apply, input_array
from conformance.harness.values import Value
from conformance.harness.work import Budget
from oracles.catalog import ALL, OPEN, ROWS
from oracles.formats import Array

Shape = tuple[int, ...]
MAX_SIZE = 2500
MAX_INPUTS = 12


@dataclass
class Program:
    """A program in the making: handles of the builder, and the reference's values.

    `shares` says how often dtypes are drawn, once each by default. In one that is a `chain` a
    statement mostly takes what the one before has made.

    `sources[k]` is where the data of input k comes from; a place is the number of a value in the
    order in which they were made, and `operands` has the places of what a statement was made of.
    Last bits of the values in `open` are not known, so that no shape may depend on these.
    """

    chooser: Chooser
    shares: Mapping[str, float] = field(default_factory=dict)
    chain: bool = False
    build: Builder = field(default_factory=Builder)
    sources: list[Source] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    operands: dict[int, tuple[int, ...]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)

    def add_input(
        self, dtype: str, shape: Shape, makes: tuple[Maker, ...] = (mixed,),
        const: bool | None = None,
    ) -> int:  # fmt: skip
        """The place of a new input: in memory, or, unless that is said, of few elements also
        constant."""
        if const is None:
            const = prod(shape) <= CONST_LIMIT and chance(self.chooser, 3)
        self.sources.append(Source(dtype, shape, const, makes))
        bits = self.sources[-1].bits(self.chooser)
        self.handles.append(self.build.input(dtype, bits, shape, const))
        self.values.append(input_array(self.build.inputs[-1]))
        return len(self.values) - 1

    def apply(self, op: str, places: Sequence[int], **attributes: Value) -> bool:
        """Add a statement if the row allows it and its result is small enough."""
        operands = [self.values[k] for k in places]
        names = [operand.dtype.name for operand in operands]
        row = ROWS[op]
        if not (row.accepts(names) and row.defined(names, attributes)):
            return False
        statement = Statement(op, tuple(places), attributes)
        if self.open.intersection(shaping_operands(statement)):
            return False
        try:
            value = apply(statement, operands, Budget())
        except (ValueError, IndexError):  # not of these shapes
            return False
        if value.size > MAX_SIZE:
            return False
        handles = [self.handles[k] for k in places]
        self.handles.append(self.build.statement(op, handles, attributes))
        self.values.append(value)
        self.operands[len(self.values) - 1] = tuple(places)
        self.used.update(places)
        if row.exactness in OPEN or self.open.intersection(places):
            self.open.add(len(self.values) - 1)
        return True

    def dtype(self, allowed: Sequence[str]) -> str:
        """One of these dtypes."""
        weights = {name: self.shares.get(name, 1.0) for name in allowed}
        return Weighted(weights).choose(self.chooser)

    def name(self, place: int) -> str:
        """The dtype of a value."""
        return self.values[place].dtype.name

    def pick(self, allowed: Sequence[str] = ALL, min_ndim: int = 0, max_ndim: int = 99) -> int:
        """The place of a value of an allowed dtype; -1 if there is none.

        Mostly one that nothing uses yet, so that kernels have more than one statement; else late
        ones more often.
        """
        found = [
            k for k, value in enumerate(self.values)
            if value.dtype.name in allowed and min_ndim <= value.ndim <= max_ndim
        ]  # fmt: skip
        if not found:
            return -1
        if self._goes_on(found):
            return self._last()
        unused = [k for k in found if k not in self.used]
        if unused and not chance(self.chooser, 3):
            return choose(self.chooser, unused)
        late = max(self.chooser.integer(0, len(found) - 1) for _ in range(2))
        return found[late]

    def find(self, fits: Callable[[Array], bool]) -> int:
        """The place of a value that `fits`; -1 if there is none."""
        found = [k for k, v in enumerate(self.values) if fits(v)]
        if self._goes_on(found):
            return self._last()
        return choose(self.chooser, found) if found else -1

    def _goes_on(self, found: Sequence[int]) -> bool:
        """Whether what the last statement has made, if it is among these, is taken at once."""
        fits = self.chain and self._last() in found and self._last() not in self.used
        return fits and not chance(self.chooser, 4)

    def _last(self) -> int:
        """The place of what the last statement has made; -1 before the first."""
        return next(reversed(self.operands), -1)

    def partner(self, places: Sequence[int], allowed: Sequence[str] = ALL) -> int:
        """A value of an allowed dtype that broadcasts with others; -1 if there is none."""
        shape = np.broadcast_shapes(*(self.values[k].shape for k in places))
        return self.find(lambda v: v.dtype.name in allowed and broadcasts(shape, v.shape))

    def near(self, place: int) -> int:
        """A value itself, or one that it has been made of."""
        return choose(self.chooser, (place, *self.operands.get(place, ())))

    def number(self, dtype: str) -> int:
        """The place of a scalar in the program, as `x + 0` or `x * 2` have one."""
        return self.add_input(dtype, (), (neutral,), const=True)

    def operand(self, allowed: Sequence[str], shape: Shape, make: Maker = mixed) -> int:
        """A value of just this shape and an allowed dtype: one that there is, or a new input."""
        found = self.find(lambda v: v.shape == shape and v.dtype.name in allowed)
        few = len(self.sources) < MAX_INPUTS
        if found < 0 or (few and make is not mixed and not chance(self.chooser, 4)):
            found = self.add_input(self.dtype(allowed), shape, (make,)) if few else found
        return found

    def finished(self, one_in: int) -> Case:
        """The case: outputs are the values that no statement uses, and of the others one in so
        many; none for 0."""
        made = [k for k, handle in enumerate(self.handles) if handle >= 0]
        chosen = [k for k in made if k not in self.used
                  or (one_in and chance(self.chooser, one_in))]  # fmt: skip
        self.build.outputs = [self.handles[k] for k in chosen]
        return self.build.case()

    def all_values(self) -> tuple[Array, ...]:
        """The reference's values as the case numbers them: inputs first."""
        pairs = list(zip(self.values, self.handles, strict=True))
        inputs = [value for value, handle in pairs if handle < 0]
        return (*inputs, *(value for value, handle in pairs if handle >= 0))


def broadcasts(*shapes: Shape) -> bool:
    """Whether shapes fit side by side."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def shaping_operands(statement: Statement) -> tuple[int, ...]:
    """The operands on whose values, not only shapes, the shape of the result depends."""
    if statement.op in ("nonzero", "masked_select"):
        return statement.operands[-1:] if statement.attributes.get("size") is None else ()
    return statement.operands[1:] if statement.op == "getitem" else ()
