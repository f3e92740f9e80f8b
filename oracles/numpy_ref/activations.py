"""Activations in numpy: each formula step by step, in the dtype in which its steps are taken.

A narrow float is converted to float32 once and the result is rounded once. Where every step is
correctly rounded arithmetic the bits are a reference; where a function of real numbers is among the
steps its last bit is not, and `composite` judges.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from oracles.formats import Array
from oracles.numpy_ref import functions
from oracles.numpy_ref.elementwise import maximum, minimum
from oracles.numpy_ref.support import canonical, convert
from oracles.promotion import accumulator, promote, to_float

Formula = Callable[..., Array]


def stepwise(formula: Formula) -> Formula:
    """A formula on arrays of the dtype of its steps, applied to operands of any dtype."""

    @functools.wraps(formula)
    def evaluated(*operands: Array, **attributes: float | str) -> Array:
        dtype = to_float(promote(*(one.dtype.name for one in operands)))
        steps = accumulator(dtype)
        wide = [convert(convert(one, dtype), steps) for one in operands]
        with np.errstate(all="ignore"):
            result = formula(*wide, **attributes)
        return convert(canonical(np.asarray(result)), dtype)

    return evaluated


def _number(x: Array, value: float) -> Array:
    """A number in the dtype of an array."""
    return np.asarray(value, dtype=np.float64).astype(x.dtype)


def _limits(x: Array) -> tuple[Array, Array]:
    largest = np.finfo(x.dtype).max
    return np.asarray(-largest), np.asarray(largest)


def _not_below_finite(x: Array) -> Array:
    return maximum(x, _limits(x)[0])


def _between(x: Array, low: float, high: float) -> Array:
    return minimum(maximum(x, _number(x, low)), _number(x, high))


@stepwise
def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return _between(x, 0.0, 6.0)


@stepwise
def leaky_relu(x: Array, neg_slope: float = 0.01) -> Array:
    """x if x > 0 else neg_slope * x."""
    return np.where(x > 0, x, x * _number(x, neg_slope))


@stepwise
def hardtanh(x: Array, min_val: float = -1, max_val: float = 1) -> Array:
    """min(max(x, min_val), max_val)."""
    return _between(x, min_val, max_val)


@stepwise
def hardsigmoid(x: Array, alpha: float = 1 / 6, beta: float = 0.5) -> Array:
    """min(max(alpha * x + beta, 0), 1)."""
    return _between(x * _number(x, alpha) + _number(x, beta), 0.0, 1.0)


@stepwise
def hardswish(x: Array) -> Array:
    """x * (relu6(x + 3) / 6), x not below the least finite number."""
    share = _between(x + _number(x, 3.0), 0.0, 6.0) / _number(x, 6.0)
    return _not_below_finite(x) * share


@stepwise
def softsign(x: Array) -> Array:
    """x / (1 + |x|), x between the finite numbers."""
    limited = minimum(_not_below_finite(x), _limits(x)[1])
    return np.asarray(limited / (np.abs(limited) + _number(x, 1.0)))


@stepwise
def elu(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0 else alpha * (exp(x) - 1)."""
    return np.where(x > 0, x, functions.expm1(x) * _number(x, alpha))


@stepwise
def selu(x: Array, alpha: float = 1.67326, gamma: float = 1.0507) -> Array:
    """gamma * elu(x, alpha)."""
    return elu(x, alpha=alpha) * _number(x, gamma)


@stepwise
def celu(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0 else alpha * (exp(x / alpha) - 1)."""
    scale = _number(x, alpha)
    return np.where(x > 0, x, functions.expm1(x / scale) * scale)


@stepwise
def silu(x: Array) -> Array:
    """x * sigmoid(x)."""
    return _not_below_finite(x) * functions.sigmoid(x)


@stepwise
def quick_gelu(x: Array) -> Array:
    """x * sigmoid(1.702 * x)."""
    return _not_below_finite(x) * functions.sigmoid(x * _number(x, 1.702))


@stepwise
def gelu(x: Array, approximate: str = "tanh") -> Array:
    """x * sigmoid(2 * u) with u = sqrt(2 / pi) * (x + 0.044715 * x**3), or x * Phi(x)."""
    if approximate == "tanh":
        inner = x + x * x * x * _number(x, 0.044715)
        share = functions.sigmoid(inner * _number(x, math.sqrt(8 / math.pi)))
    else:
        share = functions.erf(x * _number(x, math.sqrt(0.5)))
        share = (share + _number(x, 1.0)) * _number(x, 0.5)
    return _not_below_finite(x) * share


@stepwise
def mish(x: Array) -> Array:
    """x * tanh(softplus(x))."""
    return _not_below_finite(x) * functions.tanh(softplus(x))


@stepwise
def softplus(x: Array, beta: float = 1.0) -> Array:
    """max(x, 0) + log(1 + exp(-|beta * x|)) / beta."""
    scale = _number(x, beta)
    tail = functions.log1p(functions.exp(-np.abs(x * scale)))
    return maximum(x, _number(x, 0.0)) + tail / scale


@stepwise
def logsigmoid(x: Array) -> Array:
    """min(x, 0) - log(1 + exp(-|x|))."""
    return minimum(x, _number(x, 0.0)) - functions.log1p(functions.exp(-np.abs(x)))


@stepwise
def logaddexp(x: Array, y: Array) -> Array:
    """max(x, y) + log(1 + exp(-|x - y|)); |x - y| is 0 where x = y."""
    distance = np.where(x == y, _number(x, 0.0), np.abs(x - y))
    return maximum(x, y) + functions.log1p(functions.exp(-distance))


@stepwise
def lerp(start: Array, end: Array, weight: Array) -> Array:
    """start + (end - start) * weight."""
    return np.asarray(start + (end - start) * weight)


