"""What norms, attention and losses make at most, and that their operands fit, from shapes alone.

References would broadcast what the engine refuses, so that operands are checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from conformance.harness.contracted import Attributes, Shape, Span, span
from oracles.numpy_ref.reduce import reduced_axes


def _unfit(op: str, shapes: Sequence[Shape]) -> ValueError:
    return ValueError(f"{op}: operands of shapes {', '.join(map(str, shapes))} do not fit")


def _same(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Binary cross entropies: targets like x, weights that broadcast to it."""
    x, y, *weights = shapes
    if y != x or any(np.broadcast_shapes(x, one) != x for one in weights):
        raise _unfit("binary cross entropy", shapes)
    return span(x)


def _of_classes(last: bool) -> Span:
    """Labels lack the axis of classes; weights are one for each class."""

    def measured(shapes: Sequence[Shape], attributes: Attributes) -> int:
        x, y, *weights = shapes
        axis = len(x) - 1 if last else min(1, len(x) - 1)
        labels = x[:axis] + x[axis + 1 :]
        if not x or y != labels or any(one != x[axis : axis + 1] for one in weights):
            raise _unfit("cross entropy", shapes)
        return span(x)

    return measured


_labelled = _of_classes(last=False)


def _classified(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`cross_entropy`: probabilities have the shape of x."""
    same = len(shapes[0]) > 0 and shapes[1] == shapes[0]
    return span(shapes[0]) if same else _labelled(shapes, attributes)


def _normed(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """`batchnorm`: operands of the extents of the axes, or as many axes that broadcast."""
    x, *others = shapes
    given = attributes.get("axis", 1)
    axes = reduced_axes(len(x), given if isinstance(given, tuple | None) else int(given))
    extents = tuple(x[k] for k in axes)
    for one in others:
        beside = len(one) == len(x) and all(m in (1, n) for m, n in zip(one, x))
        if one != extents and not beside:
            raise _unfit("batchnorm", shapes)
    return span(x)


def _attended(shapes: Sequence[Shape], attributes: Attributes) -> int:
    """Queries, keys, values, and a mask that broadcasts to the scores."""
    query, key, value, *masks = shapes
    grouped = 1 if attributes.get("enable_gqa") else 0
    if min(map(len, shapes[:3])) < 2 + grouped or query[-1] != key[-1] or key[-2] != value[-2]:
        raise _unfit("attention", shapes)
    if grouped and any(one[-3] == 0 or query[-3] % one[-3] for one in (key, value)):
        raise _unfit("attention", shapes)
    kept = [one[:-3] + (query[-3],) if grouped else one[:-2] for one in (key, value)]
    outer = np.broadcast_shapes(query[:-2], *kept)
    scores = (*np.broadcast_shapes(query[:-2], kept[0]), query[-2], key[-2])
    if any(np.broadcast_shapes(scores, one) != scores for one in masks):
        raise _unfit("attention", shapes)
    return span((*outer, query[-2], value[-1]))


SPANS: dict[str, Span] = {
    "binary_crossentropy": _same, "binary_crossentropy_logits": _same, "nll_loss": _labelled,
    "cross_entropy": _classified, "sparse_categorical_crossentropy": _of_classes(last=True),
    "batchnorm": _normed, "scaled_dot_product_attention": _attended,
}  # fmt: skip

DEPTHS: dict[str, Callable[[Sequence[Shape]], int]] = {
    "scaled_dot_product_attention": lambda shapes: (
        span(shapes[1][-2:-1]) * (8 + span(shapes[0][-1:]))
    ),
}
"""Each result sums over the keys, and each score over the depth."""
