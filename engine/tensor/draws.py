"""Draws of places: permutations, and places by weight.

Where an order decides, it is that of random numbers of 53 or 64 bits. Equal ones are as good as
impossible, and keep the order of their places.
"""

from __future__ import annotations

import math
import operator
from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import views
from engine.tensor.along import cut_last, fixed_size, gathered_last
from engine.tensor.base import checked_dtype
from engine.tensor.random import WORD, Random
from engine.tensor.scan import scanned
from engine.tensor.sort import order_of
from engine.tensor.variable import show


class Draws(Random):
    """Every call advances the counter of its device, as those of `Random` do."""

    @classmethod
    def randperm(
        cls, n: int, device: str | None = None, dtype: DType | str = dtypes.int32
    ) -> Self:
        """The integers from 0 to below n in a random order: the stable order of n blocks.

        ValueError for a negative n, OverflowError where `dtype` does not hold every integer below
        n, TypeError for bool.
        """
        row, count = checked_dtype("randperm", dtype), operator.index(n)
        if row.kind == "bool":
            raise TypeError("randperm: bools are no places; compare or cast a permutation")
        if count < 0:
            raise ValueError(f"randperm: there is no permutation of {count} places")
        if count > (1 << row.precision if row.is_float else row.max + 1):
            raise OverflowError(f"randperm: {row} does not hold every integer below {count}")
        drawn = cls.randint(count, low=0, high=WORD, dtype=dtypes.uint64, device=device)
        return drawn._like(order_of(drawn.node).cast(row))

    def multinomial(self, num_samples: int = 1, replacement: bool = False) -> Self:
        """Places drawn by the weights of the last axis: (n,) gives (k,), (rows, n) gives (rows, k).

        A weight is converted to float64, and counts as 0 where it is negative, infinite or NaN.
        With `replacement`, or for one sample, a place is the first whose cumulative weight is above
        u times that of all, u drawn like a float64 of `rand` for each sample. Otherwise the places
        are the first of a race, in decreasing order of log(w) - log(-log(1 - u)), u drawn for each
        place: the order of the keys u^(1/w) of Efraimidis and Spirakis, "Weighted random sampling
        with a reservoir", 2006. Where no weight is left to draw the result is n, which is out of
        range. Sums are rounded: beyond 65536 places the chance of one of weight 0 may be 2^-52.

        int32. ValueError for other than one or two axes, for an axis of no places, and for fewer
        than 1 or, without replacement, more than n samples.
        """
        shape, count = self.shape, operator.index(num_samples)
        if len(shape) not in (1, 2) or not all(isinstance(size, int) for size in shape):
            raise ValueError(f"multinomial: weights have one or two fixed axes, not {show(shape)}")
        size = fixed_size("multinomial", self.node)
        if size < 1:
            raise ValueError(f"multinomial: there is no place to draw in {show(shape)}")
        if count < 1 or (count > size and not replacement):
            manner = "with" if replacement else "without"
            raise ValueError(f"multinomial: {count} of {size} places {manner} replacement")
        rows = views.product(shape[:-1])
        independent = replacement or count == 1
        drawn = self.rand(
            rows, count if independent else size, dtype=dtypes.float64, device=self.device
        )
        weights = views.reshape(_weights(self.node), (rows, size))
        draw = _independent if independent else _race
        places = views.reshape(draw(weights, drawn.node, count), (*shape[:-1], count))
        return drawn._like(Node(Op.CONTIGUOUS, places.dtype, (places,)) if rows else places)


def _weights(x: Node) -> Node:
    """Positive finite weights in float64, in memory of their own; others as +0."""
    wide = x.cast(dtypes.float64)
    zero = wide.constant(0)
    counts = zero.lt(wide) & wide.lt(math.inf)
    return Node(Op.CONTIGUOUS, wide.dtype, (counts.where(wide, zero),))


def _independent(weights: Node, u: Node, count: int) -> Node:
    """For each u (rows, k) the number of places whose cumulative weight is at most u * the last.

    It is found bit by bit, the highest first. Weights are scaled by a power of two, so that no sum
    overflows.
    """
    size = weights.shape[-1]
    assert isinstance(size, int)
    sums = scanned("multinomial", Op.ADD, weights * const(2.0**-size.bit_length(), weights.dtype))
    total = cut_last(sums, size - 1, size)
    aim = u * views.expand(total, u.shape)
    found = views.expand(const(0, dtypes.int32), u.shape)
    for bit in reversed(range(size.bit_length())):
        probe = found + (1 << bit)
        last = probe.binary(Op.MINIMUM, size) - 1
        within = probe.lt(size + 1) & ~aim.lt(gathered_last(sums, last))
        found = within.where(probe, found)
    return found


def _race(weights: Node, u: Node, count: int) -> Node:
    """The first places of each row; the logarithm of an exponential variable is below 4."""
    waited = ((1.0 - u).unary(Op.LOG) * -1.0).unary(Op.LOG)
    zero = weights.constant(0)
    key = zero.lt(weights).where(weights.unary(Op.LOG) - waited, weights.constant(-math.inf))
    places = cut_last(order_of(key, descending=True), 0, count)
    size = weights.shape[-1]
    assert isinstance(size, int)
    return zero.lt(gathered_last(weights, places)).where(places, places.constant(size))
