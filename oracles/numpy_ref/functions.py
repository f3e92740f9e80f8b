"""Functions of real numbers: estimates in longdouble, rounded, and the prescribed results.

The last bit is not a reference: nearly all results are correctly rounded, but not all are proved
to be.  The judge of these rows is `mpmath_ref`; here they serve as operands of what follows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import common, convert
from oracles.promotion import to_float


def _estimate(name: str) -> Callable[[Array], Array]:
    """The function of one operand; integers and bool convert to the default float first."""

    def function(x: Array) -> Array:
        from oracles import mpmath_ref

        return mpmath_ref.estimated(name, [convert(x, to_float(x.dtype.name))])

    function.__name__ = name
    return function


exp = _estimate("exp")
exp2 = _estimate("exp2")
expm1 = _estimate("expm1")
log = _estimate("log")
log2 = _estimate("log2")
log10 = _estimate("log10")
log1p = _estimate("log1p")
sin = _estimate("sin")
cos = _estimate("cos")
tan = _estimate("tan")
asin = _estimate("asin")
acos = _estimate("acos")
atan = _estimate("atan")
sinh = _estimate("sinh")
cosh = _estimate("cosh")
tanh = _estimate("tanh")
asinh = _estimate("asinh")
acosh = _estimate("acosh")
atanh = _estimate("atanh")
erf = _estimate("erf")
sigmoid = _estimate("sigmoid")
rsqrt = _estimate("rsqrt")


def pow(x: Array, y: Array) -> Array:  # noqa: A001 - the catalog's name
    """x ** y.  Floats: C Annex F.  Integers: modulo 2**n, x**0 = 1; a negative exponent gives 1
    for 1, 1 or -1 for -1, and 0 for all others."""
    from oracles import mpmath_ref

    x, y = (np.asarray(one) for one in np.broadcast_arrays(*common(x, y)))
    if format_of(x).is_float:
        return mpmath_ref.estimated("pow", [x, y])
    return _integer_power(x, y)


def _integer_power(x: Array, y: Array) -> Array:
    """By squaring; every product wraps, and so does the power."""
    if format_of(x).kind == "bool":
        return np.asarray(x | ~y)
    unsigned = FORMATS[x.dtype.name].unsigned
    square, rest = x.astype(unsigned), np.where(y < 0, 0, y).astype(unsigned)
    result = np.ones(x.shape, dtype=unsigned)
    with np.errstate(over="ignore"):
        while rest.any():
            result = np.where(rest & unsigned.type(1) == 1, result * square, result)
            square, rest = square * square, rest >> unsigned.type(1)
    power = result.astype(x.dtype)
    is_odd = y & y.dtype.type(1) == 1
    inverse = np.where(x == 1, 1, 0)
    if np.issubdtype(x.dtype, np.signedinteger):
        inverse = np.where(x == -1, np.where(is_odd, -1, 1), inverse)
    return np.where(y < 0, inverse.astype(x.dtype), power)
