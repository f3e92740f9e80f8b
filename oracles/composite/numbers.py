"""Two kinds of numbers in which a published formula is evaluated: longdouble and mpmath.

The formulas are written once, with the operators of numpy arrays and the functions below.
`Wide` computes on arrays of longdouble (64 significant bits on x86, which is 11 more than
float64 has); `Exact` on object arrays of mpmath numbers, for proofs and for machines whose
longdouble is float64.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from oracles.formats import FORMATS, Array, Format

EXACT_BITS = 160
"""Precision of `Exact`."""


class Numbers(ABC):
    """Arithmetic for a formula whose steps the engine takes in the float dtype `steps`.

    `epsilon` is the spacing of that dtype at 1, `largest` its largest finite number and `tiny`
    its least normal one: a result that
    underflows has an error of `epsilon * tiny`.
    """

    def __init__(self, steps: str) -> None:
        self.steps: Format = FORMATS[steps]
        self.epsilon = 2.0**-self.steps.mantissa_bits
        self.tiny = 2.0**self.steps.emin
        self.largest = (2.0 - self.epsilon) * 2.0**self.steps.emax

    @abstractmethod
    def array(self, x: Any) -> Array:
        """Exact numbers from floats, integers or bools."""

    @abstractmethod
    def constant(self, digits: str) -> Any:
        """A number from its decimal digits; give at least 40."""

    @abstractmethod
    def apply(self, name: str, *x: Array) -> Array:
        """A function of `mpmath_ref.rows`, elementwise."""

    def exp(self, x: Array) -> Array:
        """e**x."""
        return self.apply("exp", x)

    def expm1(self, x: Array) -> Array:
        """e**x - 1."""
        return self.apply("expm1", x)

    def log(self, x: Array) -> Array:
        """The natural logarithm."""
        return self.apply("log", x)

    def log1p(self, x: Array) -> Array:
        """log(1 + x)."""
        return self.apply("log1p", x)

    def tanh(self, x: Array) -> Array:
        """Hyperbolic tangent."""
        return self.apply("tanh", x)

    def erf(self, x: Array) -> Array:
        """The error function."""
        return self.apply("erf", x)

    def cos(self, x: Array) -> Array:
        """Cosine."""
        return self.apply("cos", x)

    def sqrt(self, x: Array) -> Array:
        """Square root."""
        return self.apply("sqrt", x)

    def power(self, x: Array, y: float) -> Array:
        """x**y for x >= 0."""
        return self.apply("pow", x, np.broadcast_to(self.array(y), x.shape))

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + exp(-x)), without overflow."""
        small = self.exp(-np.abs(x))
        return np.asarray(np.where(x < 0, small, self.array(1.0)) / (1 + small))

    def softplus(self, x: Array) -> Array:
        """log(1 + exp(x)), without overflow."""
        return np.asarray(np.maximum(x, self.array(0.0)) + self.log1p(self.exp(-np.abs(x))))

    def total(self, x: Array, axes: tuple[int, ...]) -> Array:
        """The sum over axes, which stay with extent 1."""
        return np.asarray(np.sum(x, axis=axes, keepdims=True))

    def greatest(self, x: Array, axes: tuple[int, ...]) -> Array:
        """The maximum over axes, which stay with extent 1; NaN wins, and nothing gives -inf."""
        if x.size == 0:
            shape = [1 if k in axes else n for k, n in enumerate(x.shape)]
            return np.broadcast_to(self.array(-np.inf), shape)
        return np.asarray(np.max(x, axis=axes, keepdims=True))


_WIDE_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "cos": np.cos, "sqrt": np.sqrt, "pow": np.power,
}  # fmt: skip


class Wide(Numbers):
    """Arrays of longdouble."""

    def array(self, x: Any) -> Array:
        """Exact for all dtypes of the catalog."""
        return np.asarray(x).astype(np.longdouble)

    def constant(self, digits: str) -> Any:
        """Rounded to longdouble."""
        return np.longdouble(digits)

    def apply(self, name: str, *x: Array) -> Array:
        """numpy's functions; erf to float64 for float32 steps, from mpmath for float64 steps."""
        if name != "erf":
            return np.asarray(_WIDE_FUNCTIONS[name](*x))
        if self.steps.bits < 64:
            flat = [math.erf(one) for one in x[0].astype(np.float64).reshape(-1).tolist()]
            return self.array(flat).reshape(x[0].shape)
        return _precise_erf(x[0])


def _precise_erf(x: Array) -> Array:
    """erf to the precision of longdouble, of which Python numbers hold two halves."""
    context = _context(100)
    high = x.astype(np.float64)
    low = np.where(np.isfinite(x), x - high, 0).astype(np.float64)
    values = []
    for one, rest in zip(high.reshape(-1).tolist(), low.reshape(-1).tolist(), strict=True):
        value = context.erf(context.mpf(one) + context.mpf(rest))
        head = float(value)
        values.append(np.longdouble(head) + np.longdouble(float(value - head)))
    return np.array(values, dtype=np.longdouble).reshape(x.shape)


class Exact(Numbers):
    """Object arrays of mpmath numbers, finite ones only."""

    def __init__(self, steps: str) -> None:
        super().__init__(steps)
        self._context = _context(EXACT_BITS)

    def array(self, x: Any) -> Array:
        """Exact for float64, integers and bool."""
        convert = np.frompyfunc(self._context.mpf, 1, 1)
        return np.asarray(convert(np.asarray(x).astype(object)), dtype=object)

    def constant(self, digits: str) -> Any:
        """Rounded to the precision of the context."""
        return self._context.mpf(digits)

    def apply(self, name: str, *x: Array) -> Array:
        """mpmath's functions at infinities of their range too: log(0) is -inf."""
        function = getattr(self._context, "power" if name == "pow" else name)
        if name == "log":
            logarithm = function

            def function(one: Any) -> Any:
                return logarithm(one) if one else -self._context.inf

        return np.asarray(np.frompyfunc(function, len(x), 1)(*x), dtype=object)


def _context(precision: int) -> Any:
    import mpmath

    context = mpmath.MPContext()
    context.prec = precision
    return context
