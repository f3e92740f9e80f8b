"""Interpolation: axes at other sizes, from the nearest elements or between two neighbours."""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import promotion, views
from engine.tensor.base import TensorBase
from engine.tensor.sliding import Sizes, per_axis, spatial
from engine.tensor.variable import show

MODES = ("linear", "nearest", "nearest-exact")


class Interpolation(TensorBase):
    """Positions are fractions of integers, of which no rounding is seen."""

    def interpolate(
        self, size: tuple[int, ...], mode: str = "linear", align_corners: bool = False
    ) -> Self:
        """The last axes at the sizes of `size`, one to three of them: (…, *sizes) is (…, *size).

        Element i of `out` lies at p, from 0 to n - 1, of the n elements that there are:

        - "nearest": p = floor(i·n / out), "nearest-exact": p = floor((i + ½)·n / out). The bits of
          the element at p are kept.
        - "linear": p = (i + ½)·n / out - ½, not beyond the ends; with `align_corners`
          p = i·(n - 1) / (out - 1), and 0 for one element. The result is (1 - w)·a + w·b, where
          a and b stand before and behind p, and w = p - floor(p) is a numerator and a denominator,
          each rounded and then divided. It is a alone where w is 0.

        One axis after another is interpolated so, from the last. bool and integers are cast to the
        default float for it, narrow floats are kept in float32 and rounded once, all steps round.

        ValueError for another mode, for corners that are aligned in another mode than "linear", for
        sizes that do not fit, and for elements of an axis that has none.
        """
        if mode not in MODES:
            names = ", ".join(map(repr, MODES))
            raise ValueError(f"interpolate: mode is one of {names}, not {mode!r}")
        if align_corners and mode != "linear":
            raise ValueError(f"interpolate: align_corners is for mode 'linear', not for {mode!r}")
        sizes = _sizes(self.node, size)
        first = self.ndim - len(sizes)
        if mode != "linear":
            node = self.node
            for axis in reversed(range(first, self.ndim)):
                node = _nearest(node, axis, sizes[axis - first], mode == "nearest-exact")
            return self._like(node)
        floating = promotion.as_float(self.dtype)
        node = self.node.cast(floating).cast(dtypes.accumulator(floating))
        for axis in reversed(range(first, self.ndim)):
            node = _between(node, axis, sizes[axis - first], align_corners)
        return self._like(node.cast(floating))


def _sizes(x: Node, given: tuple[int, ...]) -> Sizes:
    """The sizes of the last axes. ValueError where they do not fit."""
    op = "interpolate"
    if not isinstance(given, tuple | list) or not 1 <= len(given) <= 3:
        raise ValueError(f"{op}: size is a tuple of one to three ints, not {given!r}")
    sizes = per_axis(op, "size", given, len(given), 0)
    before = spatial(op, x, len(sizes), 0)
    if any(n == 0 < out for n, out in zip(before, sizes, strict=True)):
        raise ValueError(f"{op}: an axis of no elements, in {show(x.shape)}, has none at {given!r}")
    return sizes


def _nearest(x: Node, axis: int, out: int, exact: bool) -> Node:
    size = x.shape[axis]
    assert isinstance(size, int)
    if out == 0 or out == size:
        return views.narrowed(x, axis, 0, out)
    number = _numbers(out, 2 * out * size)
    place = (number * 2 + 1) * size // (2 * out) if exact else number * size // out
    return _read(x, axis, place)


def _between(x: Node, axis: int, out: int, aligned: bool) -> Node:
    """(1 - w)·a + w·b along one axis, in the dtype of x."""
    size = x.shape[axis]
    assert isinstance(size, int)
    if out == 0 or out == size:
        return views.narrowed(x, axis, 0, out).canonical()
    top, bottom = _positions(size, out, aligned)
    low = top // bottom
    rest = top - low * bottom
    high = (low + 1).binary(Op.MINIMUM, size - 1)
    column = (out, *(1,) * (len(x.shape) - 1 - axis))
    share = views.reshape(rest.cast(x.dtype) / const(bottom, x.dtype), column)
    before, behind = _read(x, axis, low), _read(x, axis, high)
    weight = views.expand(share, before.shape)
    whole = views.expand(views.reshape(rest.eq(0), column), before.shape)
    between = before * (1 - weight) + behind * weight
    return whole.where(before.canonical(), between)


def _positions(size: int, out: int, aligned: bool) -> tuple[Node, int]:
    """Where the elements of an axis of size `out` lie on one of `size`: numerators and their
    denominator."""
    if aligned:
        bottom = max(out - 1, 1)
        return _numbers(out, bottom * size) * (size - 1), bottom
    bottom = 2 * out
    places = (_numbers(out, bottom * (size + 1)) * 2 + 1) * size - out
    last = (size - 1) * bottom
    return places.binary(Op.MAXIMUM, 0).binary(Op.MINIMUM, last), bottom


def _numbers(count: int, most: int) -> Node:
    """0 … count-1 in the smallest of int32 and int64 that holds `most`."""
    return views.iota(count).cast(views.place_dtype(most))


def _read(x: Node, axis: int, places: Node) -> Node:
    """The elements at these places of an axis, all of which are inside."""
    return Node(Op.GATHER, x.dtype, (x, places), axis)
