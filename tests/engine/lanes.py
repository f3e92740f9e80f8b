"""What tests of functions share: `Value` over numpy arrays, ulps, operands of every exponent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEAST_EXPONENT = {"float32": -149, "float64": -1074}  # of the least subnormal
LARGEST_EXPONENT = {"float32": 127, "float64": 1023}
PRECISION = {"float32": 24, "float64": 53}


class Lanes:
    """The Value trait over a numpy array: every lane is one evaluation of the expression."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @property
    def dtype_name(self) -> str:
        return self.array.dtype.name

    def _operand(self, other: Lanes | float) -> np.ndarray:
        if isinstance(other, Lanes):
            assert other.array.dtype == self.array.dtype
            return other.array
        return np.asarray(other, self.array.dtype)

    def _apply(self, operation: Callable[..., np.ndarray], other: Lanes | float) -> Lanes:
        with np.errstate(all="ignore"):
            return Lanes(operation(self.array, self._operand(other)))

    def _reversed(self, operation: Callable[..., np.ndarray], other: float) -> Lanes:
        with np.errstate(all="ignore"):
            return Lanes(operation(self._operand(other), self.array))

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._apply(np.add, other)

    def __radd__(self, other: float) -> Lanes:
        return self._reversed(np.add, other)

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._apply(np.subtract, other)

    def __rsub__(self, other: float) -> Lanes:
        return self._reversed(np.subtract, other)

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._apply(np.multiply, other)

    def __rmul__(self, other: float) -> Lanes:
        return self._reversed(np.multiply, other)

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self._apply(np.divide, other)

    def __rtruediv__(self, other: float) -> Lanes:
        return self._reversed(np.divide, other)

    def __and__(self, other: Lanes | int) -> Lanes:
        return self._apply(np.bitwise_and, other)

    def __or__(self, other: Lanes | int) -> Lanes:
        return self._apply(np.bitwise_or, other)

    def __xor__(self, other: Lanes | int) -> Lanes:
        return self._apply(np.bitwise_xor, other)

    def __lshift__(self, count: Lanes | int) -> Lanes:
        return self._apply(np.left_shift, count)

    def __rshift__(self, count: Lanes | int) -> Lanes:
        return self._apply(np.right_shift, count)

    def lt(self, other: Lanes | float) -> Lanes:
        return self._apply(np.less, other)

    def eq(self, other: Lanes | float) -> Lanes:
        return self._apply(np.equal, other)

    def ne(self, other: Lanes | float) -> Lanes:
        return self._apply(np.not_equal, other)

    def where(self, if_true: Lanes | float, if_false: Lanes | float) -> Lanes:
        like = if_true if isinstance(if_true, Lanes) else if_false
        assert isinstance(like, Lanes) and self.dtype_name == "bool"
        return Lanes(np.where(self.array, like._operand(if_true), like._operand(if_false)))

    def bitcast(self, dtype_name: str) -> Lanes:
        return Lanes(self.array.view(dtype_name))

    def convert(self, dtype_name: str) -> Lanes:
        return Lanes(self.array.astype(dtype_name))

    def constant(self, number: float) -> Lanes:
        return Lanes(np.full_like(self.array, number))

    def constant_bits(self, bits: int) -> Lanes:
        unsigned = f"uint{8 * self.array.itemsize}"
        return Lanes(np.full(self.array.shape, bits, unsigned).view(self.array.dtype))

    def sqrt(self) -> Lanes:
        with np.errstate(invalid="ignore"):
            return Lanes(np.sqrt(self.array))

    def lookup(self, table_bits: tuple[int, ...], dtype_name: str) -> Lanes:
        unsigned = f"uint{8 * np.dtype(dtype_name).itemsize}"
        return Lanes(np.array(table_bits, unsigned).view(dtype_name)[self.array])

    def horner(self, coefficients: tuple[float, ...]) -> Lanes:
        total = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            total = total * self + coefficient
        return total

    def opaque(self) -> Lanes:
        return self


def assert_same_bits(actual: np.ndarray, expected: object) -> None:
    """Equal including the sign of zero; any NaN equals any NaN."""
    wanted = np.atleast_1d(np.asarray(expected, actual.dtype))
    np.testing.assert_array_equal(actual, wanted)
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(actual)[number], np.signbit(wanted)[number])


def ulp(value: np.ndarray, dtype: str) -> np.ndarray:
    """Distance of neighbouring floats of the dtype in the binade of the exact value (float64)."""
    exponent = np.frexp(value)[1] - PRECISION[dtype]
    return np.ldexp(1.0, np.maximum(exponent, LEAST_EXPONENT[dtype]))


def random_bits(dtype: str, count: int, seed: int) -> np.ndarray:
    """Floats whose bit patterns are uniform: every exponent, both signs, some NaN."""
    unsigned = np.dtype(f"uint{8 * np.dtype(dtype).itemsize}")
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(unsigned).max, count, unsigned, endpoint=True).view(dtype)
