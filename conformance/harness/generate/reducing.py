"""Statements over axes: reductions, scans, softmax and norms, factorisations."""

from __future__ import annotations

import math
from collections.abc import Callable

from conformance.harness.generate.choosing import chance, choose
from conformance.harness.generate.growing import Program, Shape
from conformance.harness.generate.moving import axis_of
from conformance.harness.values import Value
from oracles.catalog import ALL, NUMBERS, OUTPUT, ROWS

Attributes = dict[str, Value]


def _axes(p: Program, shape: Shape) -> Value:
    """Some of the axes; none stands for all of them."""
    return tuple(k for k in range(len(shape)) if p.chooser.integer(0, 1)) or None


def _one_axis(p: Program, shape: Shape) -> Value:
    return axis_of(p.chooser, shape) if shape else 0


def _several(p: Program, shape: Shape) -> Attributes:
    return {"axis": _axes(p, shape), "keepdim": bool(p.chooser.integer(0, 1))}


def _accumulated(p: Program, shape: Shape) -> Attributes:
    """Sometimes with a dtype of its own."""
    dtype = {"dtype": p.dtype(NUMBERS)} if chance(p.chooser, 6) else {}
    return {**_several(p, shape), **dtype}


def _spread(p: Program, shape: Shape) -> Attributes:
    return {**_several(p, shape), "correction": choose(p.chooser, (1, 0, 2))}


def _found(p: Program, shape: Shape) -> Attributes:
    """`argmax` and `argmin` know one axis, or all."""
    axis = None if chance(p.chooser, 4) else _one_axis(p, shape)
    return {"axis": axis, "keepdim": bool(p.chooser.integer(0, 1))}


def _along(p: Program, shape: Shape) -> Attributes:
    return {"axis": _one_axis(p, shape)}


def _normed(p: Program, shape: Shape) -> Attributes:
    return {"axis": _one_axis(p, shape), "eps": choose(p.chooser, (1e-5, 0.0, 0.5))}


def _to_length(p: Program, shape: Shape) -> Attributes:
    degree = choose(p.chooser, (2.0, 1.0, math.inf, 0.0, 3.0))
    return {"p": degree, "dim": _one_axis(p, shape)}


def _nothing(p: Program, shape: Shape) -> Attributes:
    return {}


def _matrices(p: Program, shape: Shape) -> Attributes:
    return {"full_matrices": bool(p.chooser.integer(0, 1))}


def _rounds(p: Program, shape: Shape) -> Attributes:
    return {"steps": p.chooser.integer(0, 2), "params": choose(p.chooser, ((1.5, -0.5), (2.0,)))}


ATTRIBUTES: dict[str, Callable[[Program, Shape], Attributes]] = {
    **dict.fromkeys(("sum", "prod"), _accumulated),
    **dict.fromkeys(("max", "min", "mean", "any", "all", "logsumexp"), _several),
    **dict.fromkeys(("var", "std", "var_mean", "std_mean"), _spread),
    **dict.fromkeys(("argmax", "argmin"), _found),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"), _along),
    **dict.fromkeys(("softmax", "softmin", "log_softmax"), _along),
    "layernorm": _normed, "normalize": _to_length,
    "qr": _nothing, "svd": _matrices, "newton_schulz": _rounds,
}  # fmt: skip
FACTORISATIONS = ("qr", "svd", "newton_schulz")
MAX_SIDE = 4  # of matrices to be factored


def over_axes(p: Program, op: str) -> bool:
    """One operand; one of the results."""
    if op in FACTORISATIONS:
        place = p.find(lambda v: v.ndim > 1 and max(v.shape) <= MAX_SIDE)
        if place < 0:
            place = p.operand(ROWS[op].dtypes[0], choose(p.chooser, ((3, 2), (2, 3), (3, 3))))
    else:
        place = p.pick(ALL, min_ndim=1)
    if place < 0:
        return False
    attributes = ATTRIBUTES[op](p, p.values[place].shape)
    if ROWS[op].outputs > 1:
        attributes[OUTPUT] = p.chooser.integer(0, ROWS[op].outputs - 1)
    return p.apply(op, [place], **attributes)


RECIPES = dict.fromkeys(ATTRIBUTES, over_axes)
