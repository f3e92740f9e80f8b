"""Elementwise composite operators: activations, logaddexp, lerp.

Formulas: the documentation of torch.nn.functional.  `scale` counts what cancels, and what
underflows on the way (`tiny`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oracles.composite.numbers import Numbers
from oracles.composite.row import CompositeRow, Evaluated, zero
from oracles.formats import Array

_SQRT_8_OVER_PI = "1.59576912160573071175978423973752747390343452465973863067"
_SQRT_HALF = "0.70710678118654752440084436210484903928483593768847403658"


_DEEP = 2.0**10
"""A gate at -_DEEP is 0 in every format."""


def _gated(m: Numbers, x: Array, gate: Array, scale: Array) -> Evaluated:
    """x times a gate that vanishes at -inf, where the product is -0.

    The factor is not below the least finite number.  A gate may underflow, and x enlarges what
    that loses; far below 0 the gate is 0 and nothing is lost.
    """
    value = np.maximum(x, m.array(-m.largest)) * gate
    lost = np.where(x < -_DEEP, m.array(0.0), np.minimum(np.abs(x), m.array(_DEEP)) * m.tiny)
    return Evaluated(np.asarray(value), np.asarray(lost + np.where(lost == 0, lost, scale)))


def silu(m: Numbers, x: Array) -> Evaluated:
    """Every step keeps its relative precision, but for underflow."""
    return _gated(m, x, m.sigmoid(x), zero(m, x))


def gelu(m: Numbers, x: Array, approximate: str = "tanh") -> Evaluated:
    """(1 + tanh(u)) / 2 is sigmoid(2 u), which cancels nothing; 1 + erf cancels for negative x."""
    if approximate == "tanh":
        inner = m.constant(_SQRT_8_OVER_PI) * (x + m.constant("0.044715") * x * x * x)
        gate = m.sigmoid(inner)
        return _gated(m, x, gate, _exponent_error(x * gate, inner))
    gate = (1 + m.erf(x * m.constant(_SQRT_HALF))) / 2
    return _gated(m, x, gate, np.abs(x))


def quick_gelu(m: Numbers, x: Array) -> Evaluated:
    """The rounded 1.702 x is an exponent: its error grows with its size."""
    scaled = m.constant("1.702") * x
    gate = m.sigmoid(scaled)
    return _gated(m, x, gate, _exponent_error(x * gate, scaled))


def _exponent_error(value: Array, exponent: Array) -> Array:
    """value * |exponent| where the value is about exp(exponent)."""
    below = np.where(exponent < 0, -exponent, 0 * exponent)
    return np.asarray(np.where(value == 0, 0 * value, np.abs(value) * below))


def mish(m: Numbers, x: Array) -> Evaluated:
    """Every step keeps its relative precision, but for underflow."""
    return _gated(m, x, m.tanh(m.softplus(x)), zero(m, x))


def softplus(m: Numbers, x: Array, beta: float = 1.0) -> Evaluated:
    """beta x is rounded before it is an exponent."""
    scaled = x * beta
    value = np.asarray(m.softplus(scaled) / beta)
    rounded = _exponent_error(value, scaled) if beta != 1 else zero(m, value)
    return Evaluated(value, rounded + m.tiny / abs(beta))


def softsign(m: Numbers, x: Array) -> Evaluated:
    """x between the finite numbers, so that infinities give 1 and -1."""
    limit = m.array(m.largest)
    limited = np.minimum(np.maximum(x, -limit), limit)
    return Evaluated(np.asarray(limited / (1 + np.abs(limited))), zero(m, x))


def elu(m: Numbers, x: Array, alpha: float = 1.0) -> Evaluated:
    """expm1, so that nothing cancels near 0."""
    low = alpha * m.expm1(np.minimum(x, m.array(0.0)))
    return Evaluated(np.asarray(np.where(x > 0, x, low)), zero(m, x))


def selu(m: Numbers, x: Array, alpha: float = 1.67326, gamma: float = 1.0507) -> Evaluated:
    """gamma * elu(x, alpha)."""
    return Evaluated(np.asarray(gamma * elu(m, x, alpha).value), zero(m, x) + m.tiny)


def celu(m: Numbers, x: Array, alpha: float = 1.0) -> Evaluated:
    """The division by alpha may underflow."""
    low = alpha * m.expm1(np.minimum(x / alpha, m.array(0.0)))
    return Evaluated(np.asarray(np.where(x > 0, x, low)), zero(m, x) + m.tiny * abs(alpha))


def leaky_relu(m: Numbers, x: Array, neg_slope: float = 0.01) -> Evaluated:
    """One product."""
    return Evaluated(np.asarray(np.where(x < 0, neg_slope * x, x)), zero(m, x))


def relu6(m: Numbers, x: Array) -> Evaluated:
    """A choice; zeros have the order of maximum."""
    return hardtanh(m, x, 0.0, 6.0)


def hardtanh(m: Numbers, x: Array, min_val: float = -1, max_val: float = 1) -> Evaluated:
    """min(max(x, min_val), max_val); maximum(-0, +0) is +0."""
    low, high = m.array(float(min_val)), m.array(float(max_val))
    value = np.minimum(np.maximum(x, low), high)
    return Evaluated(np.asarray(np.where(value == 0, np.where(x == low, low, value), value)),
                     zero(m, x))  # fmt: skip


def hardsigmoid(
    m: Numbers, x: Array, alpha: float = 0.16666666666666666, beta: float = 0.5
) -> Evaluated:
    """alpha x + beta cancels around its zero."""
    line = alpha * x + beta
    value = np.minimum(np.maximum(line, m.array(0.0)), m.array(1.0))
    size = np.minimum(np.abs(alpha * x), m.array(2.0 + 2 * abs(beta)))
    return Evaluated(np.asarray(value), np.asarray(size + abs(beta)))


def hardswish(m: Numbers, x: Array) -> Evaluated:
    """x * (relu6(x + 3) / 6); -0 at -inf."""
    value = np.maximum(x, m.array(-m.largest)) * (relu6(m, x + 3).value / 6)
    return Evaluated(np.asarray(value), zero(m, x))


def _below_overflow(m: Numbers, x: Array) -> Array:
    return np.asarray(np.abs(x) < m.array(2.0**m.steps.emax))


def logsigmoid(m: Numbers, x: Array) -> Evaluated:
    """min(x, 0) - log1p(exp(-|x|))."""
    value = np.minimum(x, m.array(0.0)) - m.log1p(m.exp(-np.abs(x)))
    return Evaluated(np.asarray(value), zero(m, x) + m.tiny)


def logaddexp(m: Numbers, x: Array, y: Array) -> Evaluated:
    """max + log1p(exp(-|x - y|)), which cancels near 0; equal infinities stay themselves."""
    top = np.maximum(x, y)
    apart = np.where(x == y, 0 * m.array(1.0), np.abs(x - y))
    power = m.exp(-apart)
    lost = np.where(power == 0, power, apart * power)  # the rounded exponent
    return Evaluated(np.asarray(top + m.log1p(power)), np.asarray(np.abs(top) + lost + m.tiny))


def lerp(m: Numbers, x: Array, end: Array, weight: Array) -> Evaluated:
    """x + weight * (end - x)."""
    way = weight * (end - x)
    tiny = m.tiny * (1 + np.abs(weight))
    inside = _below_overflow(m, 2 * (np.abs(end) + np.abs(x)) * (1 + np.abs(weight)))
    return Evaluated(np.asarray(x + way), np.asarray(np.abs(x) + np.abs(way) + tiny), inside)


def _row(
    evaluate: Callable[..., Evaluated], formula: str, domain: str = "finite operands"
) -> CompositeRow:
    return CompositeRow(evaluate, formula, domain, elementwise=True)


_SILU = _row(silu, "x * sigmoid(x)")

ROWS: dict[str, CompositeRow] = {
    "silu": _SILU,
    "swish": _SILU,
    "gelu": _row(
        gelu,
        "x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))), or with approximate='none' "
        "x / 2 * (1 + erf(x / sqrt(2)))",
    ),
    "quick_gelu": _row(quick_gelu, "x * sigmoid(1.702 * x)"),
    "mish": _row(mish, "x * tanh(softplus(x))"),
    "softplus": _row(softplus, "log(1 + exp(beta * x)) / beta"),
    "softsign": _row(softsign, "x / (1 + |x|)"),
    "elu": _row(elu, "x if x > 0 else alpha * expm1(x)"),
    "selu": _row(selu, "gamma * (x if x > 0 else alpha * expm1(x))"),
    "celu": _row(celu, "x if x > 0 else alpha * expm1(x / alpha)"),
    "leaky_relu": _row(leaky_relu, "neg_slope * x if x < 0 else x"),
    "relu6": _row(relu6, "min(max(x, 0), 6)"),
    "hardtanh": _row(hardtanh, "min(max(x, min_val), max_val)"),
    "hardsigmoid": _row(hardsigmoid, "min(max(alpha * x + beta, 0), 1)"),
    "hardswish": _row(hardswish, "x * (relu6(x + 3) / 6)"),
    "logsigmoid": _row(logsigmoid, "min(x, 0) - log(1 + exp(-|x|))"),
    "logaddexp": _row(logaddexp, "max(x, y) + log1p(exp(-|x - y|))"),
    "lerp": _row(
        lerp,
        "x + weight * (end - x)",
        "finite operands with 2 (|end| + |x|) (1 + |weight|) below overflow",
    ),
}
