"""Elementwise operations: methods, and the Python operators that stand for them.

Operands broadcast as in numpy and promote as `promotion.py` says; a Python scalar may stand on
either side. Integers wrap, floats round once per operation, and what each operation gives at its
edges is the contract in the documentation. Errors of all of them: TypeError where the operation has
no meaning for the dtype, ValueError for shapes that do not broadcast, RuntimeError for operands on
different devices, OverflowError for an integer scalar that does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from engine import dtypes
from engine.dtypes import Scalar
from engine.graph import Node
from engine.ops import Op, Operation
from engine.tensor import comparison, promotion, views
from engine.tensor.base import Operand, TensorBase, checked_operand, common_device


class Elementwise(TensorBase):
    """Arithmetic, comparisons, bits and choices."""

    # -- arithmetic --------------------------------------------------------------------------------
    def _binary(self, name: str, other: Operand, reverse: bool = False) -> Self:
        """The operation of that name in the common dtype of its operands."""
        other = checked_operand(name, other)
        x, y = (other, self) if reverse else (self, other)
        dtype = promotion.common((x, y))
        return self._node(promotion.operation(name, dtype), name, (x, y), dtype)

    def _node(
        self, op: Operation, name: str, operands: tuple[Operand, ...], dtype: dtypes.DType
    ) -> Self:
        """`op` on operands that are cast to `dtype` and broadcast; the result has that dtype."""
        device = common_device(name, operands)
        return self._wrap(Node(op, dtype, self._aligned(name, operands, dtype)), device)

    def _aligned(
        self, name: str, operands: Sequence[Operand], dtype: dtypes.DType
    ) -> tuple[Node, ...]:
        """The operands cast to `dtype` and broadcast."""
        nodes = (promotion.as_node(name, operand, dtype) for operand in operands)
        return views.broadcast(name, *nodes)

    def add(self, x: Operand, reverse: bool = False) -> Self:
        """Sum; for bools `or`."""
        return self._binary("add", x, reverse)

    def sub(self, x: Operand, reverse: bool = False) -> Self:
        """Difference; `reverse` takes self from x. TypeError for bools."""
        return self._binary("sub", x, reverse)

    def mul(self, x: Operand, reverse: bool = False) -> Self:
        """Product; for bools `and`."""
        return self._binary("mul", x, reverse)

    def div(self, x: Operand, reverse: bool = False, rounding_mode: str | None = None) -> Self:
        """The quotient, integers as the default float; `reverse` divides x by self.

        `rounding_mode="floor"` is `floordiv`. "trunc" is the exact integer part of the quotient,
        that of integers as an integer; what has no finite quotient is as in `floordiv`. ValueError
        for any other mode.
        """
        if rounding_mode == "floor":
            return self._binary("floordiv", x, reverse)
        other = checked_operand("div", x)
        operands = (other, self) if reverse else (self, other)
        if rounding_mode == "trunc":
            return self._truncated_quotient(operands)
        if rounding_mode is not None:
            raise ValueError(
                f"div: rounding_mode must be None, 'floor' or 'trunc', not {rounding_mode!r}"
            )
        return self._node(Op.DIV, "div", operands, promotion.common_float(operands))

    def _truncated_quotient(self, operands: tuple[Operand, Operand]) -> Self:
        """The floor, one more where that is below the quotient; of floats by their magnitudes."""
        dtype = promotion.common(operands)
        op = promotion.operation("floordiv", dtype)
        x, y = self._aligned("div", operands, dtype)
        differ = x.lt(0) ^ y.lt(0)
        if dtype.is_float:
            whole = x.unary(Op.ABS).binary(op, y.unary(Op.ABS))
            bits = x.bitcast(dtype.unsigned) ^ y.bitcast(dtype.unsigned)
            differ = (bits & dtype.sign_bit).ne(0)
            result = differ.where(-whole, whole).canonical()
        else:
            whole = x.binary(op, y)
            upward = differ & x.binary(Op.FLOORMOD, y).ne(0)
            result = upward.where(whole + 1, whole)
        return self._wrap(result, common_device("div", operands))

    def floordiv(self, x: Operand, reverse: bool = False) -> Self:
        """The floor of the quotient, exact.

        Integers: x // 0 is 0 and MIN // -1 is MIN. Floats: x // 0 is the IEEE quotient, and so is a
        quotient of 2**precision or more; ±inf // nonzero is NaN.
        """
        return self._binary("floordiv", x, reverse)

    def mod(self, x: Operand, reverse: bool = False) -> Self:
        """The remainder of `floordiv`, with the sign of the divisor, also of zero; integers: x % 0
        is 0. Floats as in Python: the exact `fmod`, plus the divisor where the signs differ."""
        return self._binary("mod", x, reverse)

    def pow(self, x: Operand, reverse: bool = False) -> Self:
        """self to the power of x; `reverse` raises x to the power of self. TypeError for bools.

        Floats have the special values of C17 F.10.4.4: x**0 and 1**y are 1, even of NaN, and 0.5 is
        an exponent like others, so that (-0)**0.5 is +0. Integers are exact modulo 2**bits; where
        elements of an integer exponent are negative the result is 1 for 1, 1 or -1 for -1, else 0.
        ValueError for a negative Python int as the exponent of integers.
        """
        if not reverse and isinstance(x, int) and x < 0 and not self.dtype.is_float:
            raise ValueError(f"pow: {self.dtype} ** {x} is no integer; cast the base to a float")
        return self._binary("pow", x, reverse)

    def fmod(self, x: Operand) -> Self:
        """The exact remainder with the sign of self. Integers: x fmod 0 is 0. Floats: NaN for an
        infinite self and for x = 0."""
        return self._binary("fmod", x)

    def reciprocal(self) -> Self:
        """1 / x, correctly rounded; integers as the default float."""
        return self.div(1, reverse=True)

    def square(self) -> Self:
        """x * x."""
        return self.mul(self)

    def maximum(self, x: Operand) -> Self:
        """The larger one; NaN wins, and +0 is larger than -0. For bools `or`."""
        return self._binary("maximum", x)

    def minimum(self, x: Operand) -> Self:
        """The smaller one; NaN wins, and -0 is smaller than +0. For bools `and`."""
        return self._binary("minimum", x)

    def _unary(self, op: Operation) -> Self:
        return self._like(self.node.unary(op))

    def neg(self) -> Self:
        """-x: floats flip the sign bit, integers wrap. TypeError for bools."""
        return self._unary(promotion.operation("neg", self.dtype))

    def abs(self) -> Self:
        """|x|: floats clear the sign bit, abs(MIN) is MIN. TypeError for bool."""
        operation = promotion.operation("abs", self.dtype)
        return self._like(self.node) if self.dtype.kind == "uint" else self._unary(operation)

    # -- comparisons -------------------------------------------------------------------------------
    def _compare(self, name: str, other: Operand) -> Self:
        other = checked_operand(name, other)
        device = common_device(name, (self, other))
        x = self.node
        if isinstance(other, TensorBase):
            y: Node | None = other.node
        else:
            y = comparison.scalar_operand(other, self.dtype)
        if y is None:
            result = views.expand(comparison.outside(name, int(other)), x.shape)  # type: ignore[arg-type] # a tensor gave a node
        else:
            result = comparison.COMPARISONS[name](*views.broadcast(name, x, y))
        return self._wrap(result, device)

    def eq(self, x: Operand) -> Self:
        """x = y as bool; false with NaN."""
        return self._compare("eq", x)

    def ne(self, x: Operand) -> Self:
        """x ≠ y as bool; true with NaN."""
        return self._compare("ne", x)

    def lt(self, x: Operand) -> Self:
        """self < x as bool; integers of different dtypes compare as numbers."""
        return self._compare("lt", x)

    def le(self, x: Operand) -> Self:
        """self ≤ x as bool."""
        return self._compare("le", x)

    def gt(self, x: Operand) -> Self:
        """self > x as bool."""
        return self._compare("gt", x)

    def ge(self, x: Operand) -> Self:
        """self ≥ x as bool."""
        return self._compare("ge", x)

    # -- bits and choices --------------------------------------------------------------------------
    def bitwise_and(self, x: Operand, reverse: bool = False) -> Self:
        return self._binary("bitwise_and", x, reverse)

    def bitwise_or(self, x: Operand, reverse: bool = False) -> Self:
        return self._binary("bitwise_or", x, reverse)

    def bitwise_xor(self, x: Operand, reverse: bool = False) -> Self:
        return self._binary("bitwise_xor", x, reverse)

    def bitwise_not(self) -> Self:
        """Every bit flipped; for bools `not`."""
        return self._unary(promotion.operation("bitwise_not", self.dtype))

    def logical_not(self) -> Self:
        """True where the element is zero."""
        return self._like(~self.node.cast(dtypes.bool_))

    def lshift(self, x: Operand, reverse: bool = False) -> Self:
        """Bits moved up by x; 0 where x is negative or at least the width."""
        return self._binary("lshift", x, reverse)

    def rshift(self, x: Operand, reverse: bool = False) -> Self:
        """Bits moved down by x, filled with the sign; counts as in `lshift` leave only the fill."""
        return self._binary("rshift", x, reverse)

    def where(self, x: Operand, y: Operand) -> Self:
        """The bits of x where self is true (not zero), else those of y; all three broadcast."""
        values = (checked_operand("where", x), checked_operand("where", y))
        device = common_device("where", (self, *values))
        dtype = promotion.common(values)
        nodes = (promotion.as_node("where", value, dtype) for value in values)
        operands = views.broadcast("where", self.node.cast(dtypes.bool_), *nodes)
        return self._wrap(Node(Op.WHERE, dtype, operands), device)

    # -- operators ---------------------------------------------------------------------------------
    __array_ufunc__ = None  # numpy leaves the operator to us instead of looping over its elements
    __hash__ = object.__hash__

    def __add__(self, other: Operand) -> Self:
        return self.add(other)

    def __radd__(self, other: Scalar) -> Self:
        return self.add(other, reverse=True)

    def __sub__(self, other: Operand) -> Self:
        return self.sub(other)

    def __rsub__(self, other: Scalar) -> Self:
        return self.sub(other, reverse=True)

    def __mul__(self, other: Operand) -> Self:
        return self.mul(other)

    def __rmul__(self, other: Scalar) -> Self:
        return self.mul(other, reverse=True)

    def __truediv__(self, other: Operand) -> Self:
        return self.div(other)

    def __rtruediv__(self, other: Scalar) -> Self:
        return self.div(other, reverse=True)

    def __floordiv__(self, other: Operand) -> Self:
        return self.floordiv(other)

    def __rfloordiv__(self, other: Scalar) -> Self:
        return self.floordiv(other, reverse=True)

    def __mod__(self, other: Operand) -> Self:
        return self.mod(other)

    def __rmod__(self, other: Scalar) -> Self:
        return self.mod(other, reverse=True)

    def __pow__(self, other: Operand) -> Self:
        return self.pow(other)

    def __rpow__(self, other: Scalar) -> Self:
        return self.pow(other, reverse=True)

    def __and__(self, other: Operand) -> Self:
        return self.bitwise_and(other)

    def __rand__(self, other: Scalar) -> Self:
        return self.bitwise_and(other, reverse=True)

    def __or__(self, other: Operand) -> Self:
        return self.bitwise_or(other)

    def __ror__(self, other: Scalar) -> Self:
        return self.bitwise_or(other, reverse=True)

    def __xor__(self, other: Operand) -> Self:
        return self.bitwise_xor(other)

    def __rxor__(self, other: Scalar) -> Self:
        return self.bitwise_xor(other, reverse=True)

    def __lshift__(self, other: Operand) -> Self:
        return self.lshift(other)

    def __rlshift__(self, other: Scalar) -> Self:
        return self.lshift(other, reverse=True)

    def __rshift__(self, other: Operand) -> Self:
        return self.rshift(other)

    def __rrshift__(self, other: Scalar) -> Self:
        return self.rshift(other, reverse=True)

    def __neg__(self) -> Self:
        return self.neg()

    def __pos__(self) -> Self:
        return self._like(self.node)

    def __abs__(self) -> Self:
        return self.abs()

    def __invert__(self) -> Self:
        return self.bitwise_not()

    def __lt__(self, other: Operand) -> Self:
        return self.lt(other)

    def __le__(self, other: Operand) -> Self:
        return self.le(other)

    def __gt__(self, other: Operand) -> Self:
        return self.gt(other)

    def __ge__(self, other: Operand) -> Self:
        return self.ge(other)

    def __eq__(self, other: object) -> Self:  # type: ignore[override] # elementwise, as in numpy
        return NotImplemented if other is None else self.eq(other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return NotImplemented if other is None else self.ne(other)  # type: ignore[arg-type]
