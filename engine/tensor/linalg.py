"""Products of matrices, as elementwise products that are then reduced."""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.reduce import accumulated_in, reduced
from engine.tensor.variable import show

PRODUCT_ORDER = (1, 256)  # one running sum over 256 products, then the next block


class Linalg(TensorBase):
    """Matrix products."""

    def matmul(
        self, x: TensorBase, reverse: bool = False, dtype: DType | str | None = None
    ) -> Self:
        """The matrix product, with numpy's shapes: (…, m, k) @ (…, k, n) is (…, m, n).

        The axes in front broadcast; a vector on the left is a row, on the right a column, and its
        axis of size 1 goes again. Operands are promoted first. Products round once in the
        accumulator's dtype and are summed in the order of k. Result and accumulator have the
        dtypes of `sum`. ValueError for scalars and for inner sizes that differ.
        """
        if not isinstance(x, TensorBase):
            raise TypeError(f"matmul: the operand must be a Tensor, not {type(x).__name__}")
        left, right = (x, self) if reverse else (self, x)
        device = common_device("matmul", (left, right))
        common = dtypes.promote(left.dtype, right.dtype)
        kept, result = accumulated_in("matmul", common, dtype)
        rows, columns = (operand.node.cast(common).cast(kept) for operand in (left, right))
        node = product("matmul", rows, columns)
        return self._wrap(node.cast(result), device)

    def dot(self, w: TensorBase, dtype: DType | str | None = None) -> Self:
        """`matmul` by another name."""
        return self.matmul(w, dtype=dtype)

    def __matmul__(self, other: TensorBase) -> Self:
        return self.matmul(other)


def product(op: str, x: Node, y: Node) -> Node:
    """The matrix product of two nodes of one dtype."""
    given = f"{show(x.shape)} and {show(y.shape)}"
    if not x.shape or not y.shape:
        raise ValueError(f"{op}: operands need at least one axis, got {given}")
    vectors = tuple(axis for axis, node in ((-2, x), (-1, y)) if len(node.shape) == 1)
    rows = x if len(x.shape) > 1 else views.reshape(x, (1, *x.shape))
    columns = y if len(y.shape) > 1 else views.reshape(y, (*y.shape, 1))
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(f"{op}: the inner sizes of {given} differ")
    *order, inner, outer = range(len(columns.shape))
    columns = views.permute(columns, (*order, outer, inner))
    pairs = views.broadcast(
        op,
        views.reshape(rows, (*rows.shape[:-1], 1, rows.shape[-1])),
        views.reshape(columns, (*columns.shape[:-2], 1, *columns.shape[-2:])),
    )
    products = Node(Op.MUL, x.dtype, pairs)
    axis = len(products.shape) - 1
    total = views.squeezed(reduced(Op.ADD, products, (axis,), PRODUCT_ORDER), (axis,))
    return views.squeezed(total, tuple(len(total.shape) + v for v in vectors))
