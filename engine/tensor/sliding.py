"""Windows over the last axes of a tensor: what convolution and pooling look through.

A window is a view: nothing is copied, and where windows overlap, elements are read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import dtypes, graph
from engine.graph import Node
from engine.tensor import views
from engine.tensor.variable import show

Sizes = tuple[int, ...]
Pair = tuple[int, int]
PerAxis = int | Sequence[int]


@dataclass(frozen=True)
class Windows:
    """Windows of `kernel` elements, `dilation` apart, that start every `stride` elements.

    `sizes` are those of the axes before padding, `pads` what is put before and behind them,
    `counts` how many windows there are. One item for each axis.
    """

    sizes: Sizes
    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    pads: tuple[Pair, ...]
    counts: Sizes

    @property
    def padded(self) -> bool:
        """Whether a window may reach beyond the axis."""
        return any(map(any, self.pads))

    def of(self, x: Node, fill: Node) -> Node:
        """(…, *sizes) as (…, *counts, *kernel), with the scalar `fill` where x is padded.

        What lies behind the last window is left out.
        """
        dims = len(self.sizes)
        lead = x.shape[: len(x.shape) - dims]
        x = views.pad(x, ((0, 0),) * len(lead) + self.pads, fill)
        shape = (*lead, *self.counts, *self.kernel)
        places: list[tuple[int, list[int]]] = []
        for axis in range(len(x.shape)):
            factors = [0] * len(shape)
            if axis < len(lead):
                factors[axis] = 1
            else:
                factors[axis] = self.stride[axis - len(lead)]
                factors[axis + dims] = self.dilation[axis - len(lead)]
            places.append((0, factors))
        return views.affine(x, _plain(shape), places)

    def inside(self) -> Node:
        """Which elements of the windows are no padding: bools of shape (*counts, *kernel)."""
        everywhere = views.expand(graph.const(True, dtypes.bool_), self.sizes)
        return self.of(everywhere, graph.const(False, dtypes.bool_))


def _plain(shape: Sequence[object]) -> Sizes:
    if not all(isinstance(size, int) for size in shape):
        raise ValueError(f"windows need sizes that are no variables, not {shape}")
    return tuple(shape)  # type: ignore[arg-type]


def per_axis(op: str, name: str, value: Any, dims: int, least: int) -> Sizes:
    """One int for all axes, or one for each. ValueError if it is below `least`."""
    given = (value,) * dims if not isinstance(value, tuple | list) else tuple(value)
    if len(given) != dims or not all(type(n) is int for n in given):
        raise ValueError(f"{op}: {name} is an int or {dims} of them, not {value!r}")
    if any(n < least for n in given):
        raise ValueError(f"{op}: {name} must be at least {least}, not {value!r}")
    return given


def paddings(op: str, value: Any, dims: int) -> tuple[Pair, ...]:
    """(before, after) for each axis.

    From one int, one for each axis, or two for each axis from the last axis backwards, as in `pad`.
    """
    if isinstance(value, tuple | list) and len(value) == 2 * dims and dims > 0:
        flat = per_axis(op, "padding", value, 2 * dims, 0)
        return tuple(zip(flat[-2::-2], flat[-1::-2]))
    return tuple((n, n) for n in per_axis(op, "padding", value, dims, 0))


def spatial(op: str, x: Node, dims: int, lead: int) -> Sizes:
    """The last `dims` sizes of a tensor with at least `lead` axes before them."""
    if len(x.shape) < dims + lead:
        raise ValueError(
            f"{op}: {show(x.shape)} has no {dims} axes behind {lead} others"
        )
    return _plain(x.shape[len(x.shape) - dims :])


def windows(
    op: str,
    sizes: Sizes,
    kernel: Sizes,
    stride: Sizes,
    dilation: Sizes,
    pads: tuple[Pair, ...],
    ceil_mode: bool = False,
) -> Windows:
    """Windows that fit into the padded axes. ValueError where not even one does.

    With `ceil_mode` a last window may reach beyond the padding behind an axis, which is extended,
    if it starts inside of the axis or the padding before it.
    """
    counts, extended = [], []
    for size, k, s, d, (before, after) in zip(sizes, kernel, stride, dilation, pads, strict=True):
        reach = d * (k - 1) + 1
        room = size + before + after - reach
        count = room // s + 1
        if ceil_mode and room % s and count * s < size + before:
            count += 1
        if count < 1:
            raise ValueError(
                f"{op}: a window of {reach} elements does not fit into an axis of {size} with "
                f"{before} and {after} of padding"
            )
        counts.append(count)
        extended.append((before, max(after, (count - 1) * s + reach - size - before)))
    return Windows(sizes, kernel, stride, dilation, tuple(extended), tuple(counts))
