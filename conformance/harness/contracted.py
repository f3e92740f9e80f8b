"""What contractions and windows make and cost at most, from shapes and attributes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Attributes = Mapping[str, Any]
Span = Callable[[Sequence[Shape], Attributes], int]
MATRIX = 512  # elements that the steps of Python for one matrix are worth


def span(shape: Sequence[int]) -> int:
    """Elements of a shape, with extents of 0 as 1."""
    return prod(max(1, int(n)) for n in shape)


def most(value: object, default: int) -> int:
    """The largest of the numbers that an attribute gives for axes; ValueError for anything else."""
    given = value if isinstance(value, tuple) else (default if value is None else value,)
    numbers = [abs(n) for n in given if isinstance(n, int)]
    if not given or len(numbers) < len(given):
        raise ValueError(f"{value!r} is no number for each axis")
    return max(1, *numbers)


def matrices(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`matmul`."""
    left, right = shapes[:2]
    rows = left[-2] if len(left) > 1 else 1
    columns = right[-1] if len(right) > 1 else 1
    return span((*np.broadcast_shapes(left[:-2], right[:-2]), rows, columns))


def _outer(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`einsum`: no formula makes more than all products of elements."""
    return prod(span(shape) for shape in shapes)


def _layer(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`linear`: as a matmul, or elementwise with a weight of one axis; a bias may broadcast it."""
    if len(shapes[1]) == 1:
        made = span(np.broadcast_shapes(shapes[0], shapes[1]))
    else:
        made = matrices(shapes, attributes)
    return made * (span(shapes[2]) if len(shapes) > 2 else 1)


def _convolved(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Not more windows on an axis than elements with padding, whatever the stride."""
    x, weight = shapes[:2]
    around = 2 * most(attributes.get("padding"), 0)
    return span((*x[:1], *weight[:1], *(n + around for n in x[2:])))


def _transposed(shapes: Sequence[Shape], attributes: Attributes) -> int:
    x, weight = shapes[:2]
    stride, dilation, extra = (
        most(attributes.get(key), 1) for key in ("stride", "dilation", "output_padding")
    )
    grown = [n * stride + dilation * k + extra for n, k in zip(x[2:], weight[2:])]
    results = weight[1] * most(attributes.get("groups"), 1) if len(weight) > 1 else 1
    return span((*x[:1], results, *grown))


def _kernel(attributes: Attributes) -> tuple[int, ...]:
    given = attributes.get("kernel_size", 2)
    kernel = given if isinstance(given, tuple) else (given,) * 2
    return tuple(most(n, 1) for n in kernel)


def _pooled(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Windows, with the smallest stride, and one more on an axis than fit into it."""
    (x,), kernel = shapes, _kernel(attributes)
    around = 2 * most(attributes.get("padding"), 0)
    stride = attributes.get("stride")
    steps = stride if isinstance(stride, tuple) else kernel if stride is None else (stride,)
    step = min(map(partial(most, default=1), steps))
    counts = [(n + around - k) // step + 2 for n, k in zip(x[-len(kernel) :], kernel)]
    return span((*x[: -len(kernel)], *counts))


def _looked_at(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Every element of every window."""
    return _pooled(shapes, attributes) * prod(_kernel(attributes))


def _unpooled(shapes: Sequence[Shape], attributes: Attributes) -> int:
    x, kernel = shapes[0], _kernel(attributes)
    dims, stride = len(kernel), most(attributes.get("stride"), max(kernel))
    apart = most(attributes.get("dilation"), 1)
    return span((*x[:-dims], *((n + 1) * stride + apart * k for n, k in zip(x[-dims:], kernel))))


def _resized(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Axis after axis changes: what is made on the way has the larger of the sizes at most."""
    (x,), size = shapes, attributes["size"]
    most(size, 0)
    return span((*x[: -len(size)], *(max(a, b) for a, b in zip(x[-len(size) :], size))))


def _squares(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Factors: a square of the longer side for each matrix."""
    x = shapes[0]
    return span(x[:-2]) * max(1, *x[-2:]) ** 2


def _factored(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Matrix by matrix and column by column; no matrix is too small for that to cost something."""
    return _squares(shapes, attributes) * (MATRIX + max(shapes[0][-2:]))


def _iterated(shapes: Sequence[Shape], attributes: Attributes) -> int:
    params = attributes["params"]
    if not isinstance(params, tuple):
        raise ValueError(f"{params!r} are no parameters")
    return _factored(shapes, attributes) * most(attributes["steps"], 1) * max(1, len(params))


def _weighed(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Row by row."""
    x, samples = shapes[0], most(attributes.get("num_samples"), 1)
    return span(x[:-1]) * (MATRIX + span(x[-1:]) + samples)


SPANS: dict[str, Span] = {
    "matmul": matrices, "einsum": _outer, "linear": _layer, "conv2d": _convolved,
    "conv_transpose2d": _transposed, "avg_pool2d": _pooled, "max_pool2d": _pooled,
    "max_unpool2d": _unpooled, "interpolate": _resized, "qr": _squares, "svd": _squares,
}  # fmt: skip

DEPTHS: dict[str, Callable[[Sequence[Shape]], int]] = {
    "matmul": lambda shapes: span(shapes[0][-1:]),
    "linear": lambda shapes: 4 * span(shapes[0][-1:]),
    "conv2d": lambda shapes: 4 * span(shapes[1][1:]),
    "conv_transpose2d": lambda shapes: 4 * span(shapes[1]),
}
"""What is summed for each element of the result; the references of most hold all products."""

READS: dict[str, Span] = {
    "avg_pool2d": _looked_at, "max_pool2d": _looked_at, "qr": _factored, "svd": _factored,
    "newton_schulz": _iterated, "multinomial": _weighed,
}  # fmt: skip
"""What the references read one by one."""
