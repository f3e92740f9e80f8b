"""Convolution and transposed convolution over one, two or three axes, in groups.

The input is looked at through windows, multiplied by the weights, and summed over channels and
window in the order of matrix products.
"""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.contraction import tensors_of, with_bias
from engine.tensor.linalg import PRODUCT_ORDER
from engine.tensor.reduce import accumulated_in, reduced
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
from engine.tensor.variable import show


class Convolution(TensorBase):
    """Sums of windows times weights."""

    def conv2d(
        self,
        weight: TensorBase,
        bias: TensorBase | None = None,
        groups: int = 1,
        stride: PerAxis = 1,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        dtype: DType | str | None = None,
    ) -> Self:
        """(n, c, *sizes) with weights (o, c / groups, *kernel) is (n, o, *windows).

        The weights say whether one, two or three axes are convolved. `groups` cuts the channels of
        input and result into as many parts, which have nothing to do with each other. `padding` is
        one int, one for each axis, or (before, after) from the last axis backwards.

        The three tensors are promoted to one dtype and cast to the accumulator of `matmul`; each
        product rounds there, and they are summed in Order(1, 256) over (channel, window), numbered
        row-major. A padded position keeps its number, and its product is +0 whatever the weight.
        The bias, of shape (o,), is added behind the sum, and the result rounded once. ValueError
        for shapes that do not fit, and where no window fits.
        """
        nodes, row, device = _operands("conv2d", self, weight, bias, dtype)
        x, w, *rest = nodes
        dims = _dimensions("conv2d", x, w)
        sizes = spatial("conv2d", x, dims, 2)
        kernel = spatial("conv2d", w, dims, 2)
        _check_channels("conv2d", x, w, groups, w.shape[1] * groups, w.shape[0])
        seen = windows(
            "conv2d", sizes, _kernel("conv2d", kernel),
            per_axis("conv2d", "stride", stride, dims, 1),
            per_axis("conv2d", "dilation", dilation, dims, 1),
            paddings("conv2d", padding, dims),
        )  # fmt: skip
        mask = seen.inside() if seen.padded else None
        total = _summed(seen.of(x, const(0, x.dtype)), w, groups, mask, dims)
        return self._wrap(_biased("conv2d", total, rest, dims).cast(row), device)

    def conv_transpose2d(
        self,
        weight: TensorBase,
        bias: TensorBase | None = None,
        groups: int = 1,
        stride: PerAxis = 1,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        output_padding: PerAxis = 0,
        dtype: DType | str | None = None,
    ) -> Self:
        """The shape and the sums of the gradient of `conv2d` with respect to its input.

        (n, c, *sizes) with weights (c, o / groups, *kernel) is (n, o, *results), where an axis has
        (size - 1)·stride - before - after + dilation·(kernel - 1) + output_padding + 1 elements.

        It is the convolution with stride 1 of the input, with stride - 1 positions between its
        elements and dilation·(kernel - 1) - padding around them, with the weights flipped: the
        order, the dtypes and the bias are those of `conv2d`, windows are numbered as they lie over
        the input, and inserted positions are treated as padded ones. ValueError also if
        output_padding is not below stride or dilation.
        """
        op = "conv_transpose2d"
        nodes, row, device = _operands(op, self, weight, bias, dtype)
        x, w, *rest = nodes
        dims = _dimensions(op, x, w)
        kernel = _kernel(op, spatial(op, w, dims, 2))
        _check_channels(op, x, w, groups, w.shape[0], w.shape[1] * groups)
        steps = per_axis(op, "stride", stride, dims, 1)
        dilations = per_axis(op, "dilation", dilation, dims, 1)
        extra = per_axis(op, "output_padding", output_padding, dims, 0)
        if any(e >= max(s, d) for e, s, d in zip(extra, steps, dilations, strict=True)):
            raise ValueError(f"{op}: output_padding {output_padding!r} is not below the stride")
        around = _around(paddings(op, padding, dims), kernel, dilations, extra)
        sizes = tuple((n - 1) * s + 1 if n else 0
                      for n, s in zip(spatial(op, x, dims, 2), steps, strict=True))  # fmt: skip
        cut, pads = _cut(op, sizes, around)
        seen = windows(op, cut, kernel, (1,) * dims, dilations, pads)
        lead = [(0, n) for n in x.shape[:2]]
        bounds = [(max(-before, 0), max(-before, 0) + n) for (before, _), n in zip(around, cut)]
        shown = views.shrink(_inserted(x, steps, const(0, x.dtype)), [*lead, *bounds])
        mask = _present(sizes, steps, bounds, seen)
        total = _summed(seen.of(shown, const(0, x.dtype)), _turned(w, groups, dims), groups, mask,
                        dims)  # fmt: skip
        return self._wrap(_biased(op, total, rest, dims).cast(row), device)


# -- operands --------------------------------------------------------------------------------------
def _operands(
    op: str, x: TensorBase, w: TensorBase, bias: TensorBase | None, dtype: DType | str | None
) -> tuple[list[Node], DType, str | None]:
    """The operands in the accumulator, the dtype of the result, the device."""
    tensors = tensors_of(op, [x, w] if bias is None else [x, w, bias])
    device = common_device(op, tensors)
    common = dtypes.promote(*(t.dtype for t in tensors))
    kept, row = accumulated_in(op, common, dtype)
    return [t.node.cast(common).cast(kept) for t in tensors], row, device


def _dimensions(op: str, x: Node, w: Node) -> int:
    """How many axes are convolved."""
    dims = len(w.shape) - 2
    if not 1 <= dims <= 3 or len(x.shape) != dims + 2:
        raise ValueError(
            f"{op}: an input of shape {show(x.shape)} and weights of shape {show(w.shape)}; both "
            "have two axes and one, two or three more"
        )
    return dims


def _kernel(op: str, kernel: Sizes) -> Sizes:
    if 0 in kernel:
        raise ValueError(f"{op}: weights of shape (…, {show(kernel)}) have no elements in a window")
    return kernel


def _check_channels(
    op: str, x: Node, w: Node, groups: int, channels: object, results: object
) -> None:
    if type(groups) is not int or groups < 1:
        raise ValueError(f"{op}: groups must be an int of at least 1, not {groups!r}")
    if not isinstance(channels, int) or not isinstance(results, int):
        raise ValueError(f"{op}: weights of shape {show(w.shape)} have a symbolic size")
    if x.shape[1] != channels or channels % groups or results % groups:
        raise ValueError(
            f"{op}: an input of shape {show(x.shape)} and weights of shape {show(w.shape)} do not "
            f"fit in {groups} groups"
        )


def _biased(op: str, total: Node, bias: list[Node], dims: int) -> Node:
    """With (o,) added to (n, o, …)."""
    if bias and bias[0].shape != total.shape[1:2]:
        raise ValueError(
            f"{op}: a bias of shape {show(bias[0].shape)} for {total.shape[1]} channels"
        )
    return with_bias(op, total, [views.reshape(b, (*b.shape, *(1,) * dims)) for b in bias])


# -- sums ------------------------------------------------------------------------------------------
def _summed(seen: Node, w: Node, groups: int, mask: Node | None, dims: int) -> Node:
    """Windows (n, c, *counts, *kernel) and weights (o, c / groups, *kernel) as (n, o, *counts)."""
    n, _, *rest = seen.shape
    counts, kernel = tuple(rest[:dims]), tuple(rest[dims:])
    results, depth = w.shape[0], w.shape[1]
    assert isinstance(results, int) and isinstance(depth, int)
    grouped = views.reshape(seen, (n, groups, depth, *counts, *kernel))
    middle = range(3, 3 + dims)
    turned = views.permute(grouped, (0, 1, *middle, 2, *range(3 + dims, 3 + 2 * dims)))
    shape = (n, groups, results // groups, *counts, depth, *kernel)
    left = views.expand(views.reshape(turned, (n, groups, 1, *turned.shape[2:])), shape)
    weights = (1, groups, results // groups, *(1,) * dims, depth, *kernel)
    products = left * views.expand(views.reshape(w, weights), shape)
    if mask is not None:
        inside = views.reshape(mask, (1, 1, 1, *counts, 1, *kernel))
        products = views.expand(inside, shape).where(products, 0)
    axes = tuple(range(3 + dims, len(shape)))
    total = reduced(Op.ADD, products, axes, PRODUCT_ORDER)
    return views.reshape(total, (n, results, *counts))


# -- transposed ------------------------------------------------------------------------------------
def _around(
    pads: tuple[Pair, ...], kernel: Sizes, dilation: Sizes, extra: Sizes
) -> tuple[Pair, ...]:
    """What lies around the input when its windows are taken; negative amounts are cut off."""
    return tuple(
        (d * (k - 1) - before, d * (k - 1) - after + e)
        for (before, after), k, d, e in zip(pads, kernel, dilation, extra, strict=True)
    )


def _cut(op: str, sizes: Sizes, around: tuple[Pair, ...]) -> tuple[Sizes, tuple[Pair, ...]]:
    """Sizes without what is cut off, and the pads that remain. ValueError if nothing remains."""
    cut = tuple(n + min(a, 0) + min(b, 0) for n, (a, b) in zip(sizes, around, strict=True))
    if any(n < 0 for n in cut):
        raise ValueError(f"{op}: the padding cuts off more than there is")
    return cut, tuple((max(a, 0), max(b, 0)) for a, b in around)


def _inserted(x: Node, steps: Sizes, fill: Node) -> Node:
    """step - 1 times `fill` between the elements of the last axes."""
    dims = len(steps)
    for k, step in enumerate(steps):
        axis = len(x.shape) - dims + k
        size = x.shape[axis]
        assert isinstance(size, int)
        before, after = x.shape[:axis], x.shape[axis + 1 :]
        if step == 1 or size == 0:
            continue
        pads = ((0, 0),) * (axis + 1) + ((0, step - 1),) + ((0, 0),) * len(after)
        spread = views.pad(views.reshape(x, (*before, size, 1, *after)), pads, fill)
        flat = views.reshape(spread, (*before, size * step, *after))
        whole = [(0, s) for s in flat.shape]
        whole[axis] = (0, (size - 1) * step + 1)
        x = views.shrink(flat, whole)
    return x


def _present(sizes: Sizes, steps: Sizes, bounds: list[Pair], seen: Windows) -> Node | None:
    """Which elements of the windows are elements of the input; None if all are."""
    if not seen.padded and all(step == 1 for step in steps):
        return None
    original = tuple((n - 1) // s + 1 if n else 0 for n, s in zip(sizes, steps, strict=True))
    no = const(False, dtypes.bool_)
    everywhere = views.expand(const(True, dtypes.bool_), original)
    return seen.of(views.shrink(_inserted(everywhere, steps, no), bounds), no)


def _turned(w: Node, groups: int, dims: int) -> Node:
    """(c, o / groups, *kernel) as (o, c / groups, *kernel), every window reversed."""
    channels, results, *kernel = w.shape
    assert isinstance(channels, int) and isinstance(results, int)
    flipped = views.flip(w, tuple(range(2, 2 + dims)))
    split = views.reshape(flipped, (groups, channels // groups, results, *kernel))
    swapped = views.permute(split, (0, 2, 1, *range(3, 3 + dims)))
    return views.reshape(swapped, (groups * results, channels // groups, *kernel))
