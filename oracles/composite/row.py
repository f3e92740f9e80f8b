"""What a row of composite operators says: formula, error scale, domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from oracles.composite.numbers import Numbers
from oracles.formats import Array
from oracles.order import longest_path

LANES = 32, 32
"""The order in which the engine adds, see `order`."""


class Evaluated(NamedTuple):
    """The value of a formula, and how its error is measured.

    `scale` is the size of what cancels on the way: the steps, each rounded, may be off by
    `epsilon * scale` times a small number beside some ulps of the value.  It is 0 where every
    step keeps its relative precision.  `inside` is where the row's domain holds, if that is more
    than finite operands without overflow.
    """

    value: Array
    scale: Array
    inside: Array | None = None


class Outside(Enum):
    """How elements outside of a row's domain are judged, beside being equal on all devices."""

    SPECIALS = "NaN where the formula gives NaN, an infinity where it gives one"
    BITS = "not at all"


@dataclass(frozen=True)
class CompositeRow:
    """One composite operator.

    `evaluate` takes `Numbers`, the operands as they are in the catalog's row (exact, in those
    numbers, but for `indices`, which stay integers or bools) and the attributes by name.
    `domain` says in words where the bound holds. `numbers_of_shape`: integers at `indices` are
    numbers after all where they have the shape of the first operand.
    """

    evaluate: Callable[..., Evaluated]
    formula: str
    domain: str = "finite operands and no overflow on the way"
    outside: Outside = Outside.SPECIALS
    indices: tuple[int, ...] = ()
    elementwise: bool = False
    numbers_of_shape: bool = False

    def stays(self, place: int, operands: Sequence[Array]) -> bool:
        """Whether an operand is passed as it is."""
        one = operands[place]
        if place not in self.indices or one.dtype.kind not in "biu":
            return False
        return not (self.numbers_of_shape and one.shape == operands[0].shape)


def zero(m: Numbers, like: Array) -> Array:
    """No cancellation anywhere."""
    return np.broadcast_to(m.array(0.0), like.shape)


def axes_of(x: Array, axis: Any) -> tuple[int, ...]:
    """Axes as sorted non-negative numbers; None means all, and a 0-d tensor has none."""
    if axis is None or x.ndim == 0:
        return tuple(range(x.ndim))
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(sorted(one % x.ndim for one in given))


def count_of(x: Array, axes: tuple[int, ...]) -> int:
    """The number of elements that are reduced to one."""
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return count


def roundings(count: int) -> float:
    """Half the roundings on the longest path of a sum: its error in epsilons of sum|x|."""
    from oracles.catalog import Order

    return longest_path(max(count, 1), Order(*LANES)) / 2


def squeezed(found: Evaluated, axes: tuple[int, ...], keepdim: bool) -> Evaluated:
    """Reduced axes dropped unless they are to be kept."""
    if keepdim:
        return found
    inside = None if found.inside is None else np.squeeze(found.inside, axes)
    return Evaluated(np.squeeze(found.value, axes), np.squeeze(found.scale, axes), inside)
