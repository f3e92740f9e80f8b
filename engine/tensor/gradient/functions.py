"""Gradients of elementwise operations that multiply by a derivative.

Each takes the gradient of the result, the result and the operands, all in the dtype in which narrow
floats are computed, and gives a gradient for each operand; None where the derivative is 0 all over.
The formulas are those of calculus. What they give at edges is in the documentation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from engine.graph import Node
from engine.ops import Op, Operation
from engine.tensor.gradient.algebra import is_mask, wide

Parts = Sequence[Node | None]
Formula = Callable[..., Parts]


def pointwise(formula: Formula) -> Callable[[Node, Node], Parts]:
    """The rule of an elementwise operation, from its formula."""

    def gradients(node: Node, g: Node) -> Parts:
        if is_mask(g):
            return [g for _ in node.src]
        return formula(wide(g), wide(node), *map(wide, node.src))

    return gradients


# -- arithmetic ------------------------------------------------------------------------------------
def product(g: Node, out: Node, x: Node, y: Node) -> Parts:
    return g * y, g * x


def quotient(g: Node, out: Node, x: Node, y: Node) -> Parts:
    return g / y, -g * (out / y)


def floored_remainder(g: Node, out: Node, x: Node, y: Node) -> Parts:
    return g, -g * (x // y)


def truncated_remainder(g: Node, out: Node, x: Node, y: Node) -> Parts:
    """x - out is the multiple of y that was taken away."""
    return g, -g * ((x - out) / y)


def power(g: Node, out: Node, x: Node, y: Node) -> Parts:
    """y x^(y-1), and 0 for the exponent 0; x^y log x, and 0 where 0 has a power of at least 0."""
    of_base = g * (y * x.binary(Op.POW, y - 1))
    of_base = y.eq(0).where(0, of_base)
    constant = x.eq(0) & (y.eq(0) | y.constant(0).lt(y))
    return of_base, constant.where(0, g * (out * x.unary(Op.LOG)))


def magnitude(g: Node, out: Node, x: Node) -> Parts:
    """By the sign of x; 0 at 0, and for NaN."""
    return (x.lt(0).where(-g, x.constant(0).lt(x).where(g, 0)),)


# -- functions of one float ------------------------------------------------------------------------
def sqrt(g: Node, out: Node, x: Node) -> Parts:
    return (g / (out * 2),)


def rsqrt(g: Node, out: Node, x: Node) -> Parts:
    return (g * (out * out * out * -0.5),)


def exp(g: Node, out: Node, x: Node) -> Parts:
    return (g * out,)


def exp2(g: Node, out: Node, x: Node) -> Parts:
    return (g * (out * math.log(2)),)


def expm1(g: Node, out: Node, x: Node) -> Parts:
    return (g * (out + 1),)


def log(g: Node, out: Node, x: Node) -> Parts:
    return (g / x,)


def log2(g: Node, out: Node, x: Node) -> Parts:
    return (g / (x * math.log(2)),)


def log10(g: Node, out: Node, x: Node) -> Parts:
    return (g / (x * math.log(10)),)


def log1p(g: Node, out: Node, x: Node) -> Parts:
    return (g / (x + 1),)


def sin(g: Node, out: Node, x: Node) -> Parts:
    return (g * x.unary(Op.COS),)


def cos(g: Node, out: Node, x: Node) -> Parts:
    return (-g * x.unary(Op.SIN),)


def tan(g: Node, out: Node, x: Node) -> Parts:
    return (g * (out * out + 1),)


def asin(g: Node, out: Node, x: Node) -> Parts:
    return (g * (1 - x * x).unary(Op.RSQRT),)


def acos(g: Node, out: Node, x: Node) -> Parts:
    return (-g * (1 - x * x).unary(Op.RSQRT),)


def atan(g: Node, out: Node, x: Node) -> Parts:
    return (g / (x * x + 1),)


def sinh(g: Node, out: Node, x: Node) -> Parts:
    return (g * x.unary(Op.COSH),)


def cosh(g: Node, out: Node, x: Node) -> Parts:
    return (g * x.unary(Op.SINH),)


def tanh(g: Node, out: Node, x: Node) -> Parts:
    return (g * (1 - out * out),)


def asinh(g: Node, out: Node, x: Node) -> Parts:
    return (g * (x * x + 1).unary(Op.RSQRT),)


def acosh(g: Node, out: Node, x: Node) -> Parts:
    return (g * (x * x - 1).unary(Op.RSQRT),)


def atanh(g: Node, out: Node, x: Node) -> Parts:
    return (g / (1 - x * x),)


def erf(g: Node, out: Node, x: Node) -> Parts:
    return (g * ((-(x * x)).unary(Op.EXP) * (2 / math.sqrt(math.pi))),)


def sigmoid(g: Node, out: Node, x: Node) -> Parts:
    return (g * (out * (1 - out)),)


FORMULAS: dict[Operation, Formula] = {
    Op.MUL: product, Op.DIV: quotient, Op.FLOORMOD: floored_remainder,
    Op.FMOD: truncated_remainder, Op.POW: power, Op.ABS: magnitude, Op.SQRT: sqrt, Op.RSQRT: rsqrt,
    Op.EXP: exp, Op.EXP2: exp2, Op.EXPM1: expm1, Op.LOG: log, Op.LOG2: log2, Op.LOG10: log10,
    Op.LOG1P: log1p, Op.SIN: sin, Op.COS: cos, Op.TAN: tan, Op.ASIN: asin, Op.ACOS: acos,
    Op.ATAN: atan, Op.SINH: sinh, Op.COSH: cosh, Op.TANH: tanh, Op.ASINH: asinh, Op.ACOSH: acosh,
    Op.ATANH: atanh, Op.ERF: erf, Op.SIGMOID: sigmoid,
}  # fmt: skip
