"""Pooling: the mean or the greatest element of every window, and the way back from the greatest.

Windows slide over the last one, two or three axes; what stands before them is left as it is. They
are views, so that a result is one reduction over the axes of a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.folds import identity
from engine.graph import Node, Sint, const
from engine.ops import Op, Operation
from engine.tensor import promotion, views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.reduce import SUM_ORDER, reduced
from engine.tensor.scatter import scattered
from engine.tensor.sliding import (
    Pair,
    PerAxis,
    Sizes,
    Windows,
    paddings,
    per_axis,
    spatial,
    windows,
)
from engine.tensor.variable import interval, show


class Pooling(TensorBase):
    """`kernel_size` is one int for each axis that windows slide over; an int alone is two equal
    ones. `stride` is that of the kernel unless given. `padding` is one int, one for each axis, or
    (before, after) from the last axis backwards, and at most half of what a window spans.

    With `ceil_mode` a last window may reach beyond the padding, if it starts before the axis ends.
    ValueError for other numbers, and where not even one window fits.
    """

    def avg_pool2d(
        self,
        kernel_size: PerAxis = (2, 2),
        stride: PerAxis | None = None,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Self:
        """The mean of every window: (…, *sizes) is (…, *windows).

        As `mean`: bool and integers are cast to the default float, narrow floats kept in float32
        and rounded once, and elements summed in Order(32, 32), numbered row-major in the window,
        padding being +0. The sum is divided by the number of elements, to which padding counts if
        `count_include_pad` is set, but not what `ceil_mode` lets a window have beyond it. The mean
        of no elements is NaN.
        """
        window = _window("avg_pool2d", kernel_size, stride, dilation, padding)
        seen = window.over(self.node, ceil_mode)
        floating = promotion.as_float(self.dtype)
        x = self.node.cast(floating).cast(dtypes.accumulator(floating))
        total = _reduced(Op.ADD, seen, seen.of(x, const(0, x.dtype)))
        counted = window.pads if count_include_pad else ((0, 0),) * len(window.kernel)
        total, divisor = views.broadcast("avg_pool2d", total, _number(seen, counted, x.dtype))
        return self._like((total / divisor).cast(floating))

    def max_pool2d(
        self,
        kernel_size: PerAxis = (2, 2),
        stride: PerAxis | None = None,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Self | tuple[Self, Self]:
        """The greatest element of every window, as `max` has it: (…, *sizes) is (…, *windows).

        With `return_indices` also its place, as `argmax` has it, in int32: that of the first NaN of
        the window, or else of the first of equal elements, +0 and -0 being equal. Places number the
        elements of the last axes row-major, without padding, as `max_unpool2d` takes them. Padding
        is never the greatest. ValueError where a window has nothing but padding, unless the result
        is empty.
        """
        window = _window("max_pool2d", kernel_size, stride, dilation, padding)
        seen = window.over(self.node, ceil_mode)
        _check_elements("max_pool2d", self.node, seen)
        x = seen.of(self.node, identity(Op.MAXIMUM, self.dtype))
        greatest = _reduced(Op.MAXIMUM, seen, x)
        if not return_indices:
            return self._like(greatest)
        return self._like(greatest), self._like(_places(seen, x))

    def max_unpool2d(
        self,
        indices: TensorBase,
        kernel_size: PerAxis = (2, 2),
        stride: PerAxis | None = None,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        output_size: PerAxis | None = None,
    ) -> Self:
        """The elements at the places from which `max_pool2d` took them, and 0 everywhere else.

        (…, *windows) with `indices` of the same shape is (…, *sizes), where a size that was pooled
        without remainder is (windows - 1)·stride - before - after + dilation·(kernel - 1) + 1.
        `output_size`, the last sizes of the result or its whole shape, names another one that gives
        as many windows: less than a stride away from it. The bits of elements are kept.

        Indices are places of `scatter`: of several for one the last wins, negative ones count from
        the end, and those out of range are dropped. TypeError for indices that are no integers,
        ValueError for shapes and sizes that do not fit.
        """
        op = "max_unpool2d"
        window = _window(op, kernel_size, stride, dilation, padding)
        if not isinstance(indices, TensorBase) or not indices.dtype.is_int:
            kind = indices.dtype if isinstance(indices, TensorBase) else type(indices).__name__
            raise TypeError(f"{op}: the indices must be an integer tensor, not {kind}")
        if indices.shape != self.shape:
            raise ValueError(
                f"{op}: indices of shape {show(indices.shape)} for elements of {show(self.shape)}"
            )
        counts = spatial(op, self.node, len(window.kernel), 0)
        lead = self.shape[: self.ndim - len(counts)]
        sizes = window.pooled(counts, _last(op, output_size, lead, len(counts)))
        base = views.expand(const(0, self.dtype), (*lead, prod(sizes)))
        flat = (*lead, prod(counts))
        picks, value = (views.reshape(node, flat) for node in (indices.node, self.node))
        result = views.reshape(scattered(base, picks, value, len(lead), None), (*lead, *sizes))
        return self._wrap(result, common_device(op, (self, indices)))


# -- windows ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Window:
    """The attributes of a row, one item for each axis that windows slide over."""

    op: str
    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    pads: tuple[Pair, ...]

    @property
    def reach(self) -> Sizes:
        """How many elements a window spans."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def over(self, x: Node, ceil_mode: bool) -> Windows:
        """The windows over the last axes of x."""
        sizes = spatial(self.op, x, len(self.kernel), 0)
        return windows(
            self.op, sizes, self.kernel, self.stride, self.dilation, self.pads, ceil_mode
        )

    def pooled(self, counts: Sizes, given: Sizes | None) -> Sizes:
        """The sizes that were pooled into so many windows, which only differ by the remainder.

        ValueError where those that are given give another number of windows.
        """
        exact = tuple(
            (n - 1) * s - before - after + reach
            for n, s, (before, after), reach in zip(
                counts, self.stride, self.pads, self.reach, strict=True
            )
        )
        sizes = exact if given is None else given
        if any(
            n < 0 or abs(n - due) >= s for n, due, s in zip(sizes, exact, self.stride, strict=True)
        ):
            raise ValueError(
                f"{self.op}: {show(counts)} windows are those of sizes {show(exact)}, or of less "
                f"than a stride of {show(self.stride)} more or fewer, not of {show(sizes)}"
            )
        return sizes


def _window(
    op: str, kernel_size: PerAxis, stride: PerAxis | None, dilation: PerAxis, padding: PerAxis
) -> _Window:
    """ValueError for numbers of axes or elements that no window has."""
    dims = len(kernel_size) if isinstance(kernel_size, tuple | list) else 2
    if not 1 <= dims <= 3:
        raise ValueError(f"{op}: kernel_size is an int or up to three of them, not {kernel_size!r}")
    kernel = per_axis(op, "kernel_size", kernel_size, dims, 1)
    steps = kernel if stride is None else per_axis(op, "stride", stride, dims, 1)
    pads = paddings(op, padding, dims)
    window = _Window(op, kernel, steps, per_axis(op, "dilation", dilation, dims, 1), pads)
    if any(2 * max(pair) > reach for pair, reach in zip(pads, window.reach, strict=True)):
        raise ValueError(
            f"{op}: padding {padding!r} is more than half of a window of {show(window.reach)}"
        )
    return window


def _last(op: str, given: PerAxis | None, lead: tuple[Sint, ...], dims: int) -> Sizes | None:
    """The sizes of the last axes; a whole shape has those of the others in front."""
    if isinstance(given, tuple | list) and len(given) == len(lead) + dims:
        if tuple(given[: len(lead)]) != lead:
            raise ValueError(f"{op}: output_size {given!r} has other axes than {show(lead)} first")
        given = given[len(lead) :]
    return None if given is None else per_axis(op, "output_size", given, dims, 0)


def _check_elements(op: str, x: Node, seen: Windows) -> None:
    """ValueError where a window has only padding, unless there is nothing to take windows from."""
    lead = x.shape[: len(x.shape) - len(seen.sizes)]
    if any(interval(size)[1] == 0 for size in lead):
        return
    axes = zip(seen.sizes, seen.kernel, seen.stride, seen.dilation, seen.pads, seen.counts)
    for axis, (size, kernel, step, apart, (before, _), count) in enumerate(axes):
        for ahead in range(before, 0, -step)[:count]:  # other windows start inside of the axis
            first = -(-ahead // apart)  # the first element that is not before the axis
            if first >= kernel or first * apart - ahead >= size:
                raise ValueError(
                    f"{op}: a window has nothing but padding, since those of axis "
                    f"{axis - len(seen.sizes)} of {show(x.shape)} start {before} before it and "
                    f"have {kernel} elements, {apart} apart"
                )


# -- reductions ------------------------------------------------------------------------------------
def _reduced(op: Operation, seen: Windows, x: Node) -> Node:
    """Windows (…, *counts, *kernel) reduced to (…, *counts)."""
    axes = tuple(range(len(x.shape) - len(seen.kernel), len(x.shape)))
    return views.squeezed(reduced(op, x, axes, SUM_ORDER), axes)


def _places(seen: Windows, x: Node) -> Node:
    """Where the greatest element of each window stands in the last axes, numbered row-major."""
    count = prod(seen.sizes)
    dtype = views.place_dtype(count)
    numbers = views.reshape(views.iota(count).cast(dtype), seen.sizes)
    beyond = const(count, dtype)
    places = views.expand(seen.of(numbers, beyond), x.shape)
    axes = tuple(range(len(x.shape) - len(seen.kernel), len(x.shape)))
    found = x.eq(views.expand(reduced(Op.MAXIMUM, x, axes, None), x.shape))
    if x.dtype.is_float:
        found = found | x.ne(x)  # with a NaN the greatest is NaN, which equals nothing
    return _reduced(Op.MINIMUM, seen, found.where(places, beyond))


def _number(seen: Windows, counted: tuple[Pair, ...], dtype: DType) -> Node:
    """How many positions of each window lie in the axes and the padding that is `counted`.

    (*counts,), or a scalar where it is the same for all.
    """
    everywhere, number = 1, None
    exact = views.place_dtype(prod(seen.kernel) + sum(map(sum, seen.pads)) + sum(seen.sizes))
    dims = len(seen.sizes)
    for axis in range(dims):
        if seen.pads[axis] == counted[axis]:
            everywhere *= seen.kernel[axis]
            continue
        shape = tuple(seen.counts[axis] if k == axis else 1 for k in range(dims))
        along = views.reshape(_number_along(seen, counted[axis], axis, exact), shape)
        if number is not None:
            number, along = views.broadcast("avg_pool2d", number, along)
        number = along if number is None else number * along
    if number is None:
        return const(everywhere, dtype)
    return (number * everywhere).cast(dtype)


def _number_along(seen: Windows, counted: Pair, axis: int, exact: DType) -> Node:
    """`_number` on one axis: element j of window i is at i·stride - before + j·dilation."""
    step, apart, before = seen.stride[axis], seen.dilation[axis], seen.pads[axis][0]
    start = views.iota(seen.counts[axis]).cast(exact) * step

    def first_not_below(place: int) -> Node:
        """The first element that is not below `place`, counted from where padding starts."""
        return (place + apart - 1 - start) // apart

    low = first_not_below(before - counted[0]).binary(Op.MAXIMUM, 0)
    high = first_not_below(before + seen.sizes[axis] + counted[1])
    high = high.binary(Op.MINIMUM, seen.kernel[axis])
    return (high - low).binary(Op.MAXIMUM, 0)
