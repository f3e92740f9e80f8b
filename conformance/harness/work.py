"""What a statement costs, from shapes and attributes alone: cases come from strangers.

Work is counted in elements: those that are made, those that a reduction or a function reads, and
the products of a matmul.  Extents of 0 count as 1, since a later statement may reduce them away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from conformance.harness import contracted, neural
from conformance.harness.case import MAX_ELEMENTS, Statement
from conformance.harness.contracted import READS, Attributes, Shape, span
from oracles.catalog import OPEN, ROWS

MAX_WORK = 1 << 25  # of a whole case: seconds, and a few hundred MiB of results
SLOW = 8  # an element of a function or of a range, which Python makes one by one
DEPTHS = {**contracted.DEPTHS, **neural.DEPTHS}
STEP = 1 << 10  # the least that one step of a contraction counts, however few elements it has


class Budget:
    """The work that a case may still do."""

    def __init__(self, limit: int = MAX_WORK) -> None:
        self.limit = limit
        self.done = 0

    def spend(self, statement: Statement, shapes: Sequence[Shape]) -> int:
        """Take the work of a statement off; ValueError before it would be too much.

        What it may make at most is returned.
        """
        made = result_span(statement.op, shapes, statement.attributes)
        if made > MAX_ELEMENTS:
            text = f"{statement.op} would make {made} elements; the limit is {MAX_ELEMENTS}"
            raise ValueError(text)
        self.add(max(made, statement_work(statement, shapes, made)))
        return made

    def add(self, work: int) -> None:
        self.done += work
        if self.done > self.limit:
            raise ValueError(f"a case may work on {self.limit} elements in all; this is more")


def statement_work(statement: Statement, shapes: Sequence[Shape], made: int) -> int:
    """What a statement costs beyond the elements that it makes."""
    op = statement.op
    if op in DEPTHS:
        return DEPTHS[op](shapes) * max(made, STEP)
    if op in READS:
        return SLOW * READS[op](shapes, statement.attributes)
    if op in ("arange", "linspace", "one_hot") or ROWS[op].exactness in OPEN:
        return SLOW * made
    return max((span(shape) for shape in shapes), default=0)


def result_span(op: str, shapes: Sequence[Shape], attributes: Attributes) -> int:
    """The span of what a statement makes, or more."""
    measure = _SPANS.get(op)
    if measure is not None:
        return measure(shapes, attributes)
    if len(shapes) > 1:
        return span(np.broadcast_shapes(*shapes))
    return span(shapes[0])


def _given(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`expand` and `full`: -1 keeps an extent."""
    kept = span(shapes[0]) if shapes else 1
    return prod(max(1, int(n)) if int(n) >= 0 else kept for n in attributes["shape"])


def _reshaped(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return max(span(shapes[0]), span(attributes["shape"]))


def _range(shapes: Sequence[Shape], attributes: Attributes) -> int:
    start, stop = attributes.get("start", 0), attributes.get("stop")
    step = attributes.get("step", 1)
    if not all(isinstance(n, int | float) for n in (start, step)) or step == 0:
        raise ValueError("arange needs numbers, and a step that is not 0")
    return int(abs((start if stop is None else stop - start) / step)) + 1


def _padded(shapes: Sequence[Shape], attributes: Attributes) -> int:
    grown = zip(shapes[0], attributes["padding"])
    return span([n + abs(int(pair[0])) + abs(int(pair[1])) for n, pair in grown])


def _padded_to(shapes: Sequence[Shape], attributes: Attributes) -> int:
    pairs = zip(attributes["shape"], shapes[0])
    return span([old if new is None else int(new) for new, old in pairs])


def _repeated(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`repeat` and `repeat_interleave`."""
    return span(shapes[0]) * span(_listed(attributes["repeats"]))


def _listed(value: Any) -> Sequence[int]:
    return value if isinstance(value, tuple) else (value,)


def _windowed(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return span(shapes[0]) * max(1, int(attributes["size"]))


def _squared(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """A vector becomes a matrix."""
    return span(shapes[0]) ** 2 if len(shapes[0]) == 1 else span(shapes[0])


def _joined(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return sum(span(shape) for shape in shapes)


def _grid(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return prod(span(shape) for shape in shapes)


def _widest(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`bitcast`: float64 as 8 bits."""
    return 8 * span(shapes[0])


def _spaced(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return max(1, int(attributes["steps"]))


def _read(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Every element once for each place that the index tensors name.

    A mask names as many places as it has elements, an integer tensor as many as it has.
    """
    return prod(span(shape) for shape in shapes)


def _gathered(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return span(shapes[1])


def _classes(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return span(shapes[0]) * max(1, int(attributes["num_classes"]))


def _found(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`nonzero` has a coordinate for each axis."""
    rows = attributes.get("size")
    return max(1, len(shapes[0])) * max(1, span(shapes[0]) if rows is None else int(rows))


def _selected(shapes: Sequence[Shape], attributes: Attributes) -> int:
    rows = attributes.get("size")
    return max(span(np.broadcast_shapes(*shapes)), 1 if rows is None else int(rows))


def _taken(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """The extent of the axis gives way to the index's shape; without an axis nothing is kept."""
    kept, index = shapes
    axis = attributes.get("axis")
    if axis is None:
        return span(index)
    return span(kept) // max(1, kept[axis]) * span(index)


def _counted(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return max(1, int(attributes["num"]))


def _first(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return span(shapes[0])


def _permuted(shapes: Sequence[Shape], attributes: Attributes) -> int:
    return max(1, int(attributes["n"]))


def _sampled(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """A place for each sample of a row."""
    return span(shapes[0][:-1]) * max(1, int(attributes.get("num_samples", 1)))


_DRAWN = {
    **{name: _given for name, row in ROWS.items() if "seed" in row.attributes},
    "randperm": _permuted,
    "multinomial": _sampled,
}
_SPANS: dict[str, Callable[[Sequence[Shape], Attributes], int]] = {
    "expand": _given, "full": _given, "reshape": _reshaped, "arange": _range, "pad": _padded,
    "take": _taken, "pad_to": _padded_to, "repeat": _repeated,
    "repeat_interleave": _repeated, "unfold": _windowed, "diag": _squared, "cat": _joined,
    "stack": _joined, "meshgrid": _grid, "bitcast": _widest, "linspace": _spaced, "getitem": _read,
    "gather": _gathered, "one_hot": _classes, "nonzero": _found, "masked_select": _selected,
    "scatter": _first, "scatter_reduce": _first,
    "random_bits": _counted, **_DRAWN, **contracted.SPANS, **neural.SPANS,
}  # fmt: skip
