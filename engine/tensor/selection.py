"""Elements chosen by index tensors and by masks, as methods."""

from __future__ import annotations

from typing import Self

from engine import dtypes, graph
from engine.backends import registry
from engine.dtypes import Scalar
from engine.graph import Node
from engine.ops import Op
from engine.tensor import advanced, comparison, promotion, views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.scan import scanned
from engine.tensor.variable import as_sint, describe, show


class Selection(TensorBase):
    """Index tensors are of any integer dtype; negative places count from the end."""

    def take(self, index: TensorBase, axis: int | None = None) -> Self:
        """Elements along `axis` at the places that an integer tensor names.

        The axes of `index` replace `axis`; without `axis`, self is flattened first. A place out of
        range reads 0. TypeError unless `index` is an integer tensor.
        """
        _check_index("take", index)
        device = common_device("take", (self, index))
        node = self.node
        if axis is None:
            node, axis = views.reshape(node, (views.product(node.shape),)), 0
        place = views.axis_of("take", axis, len(node.shape))
        return self._wrap(Node(Op.GATHER, node.dtype, (node, index.node), place), device)

    def gather(self, dim: int, index: TensorBase) -> Self:
        """Element by element: along `dim` at the place in `index`, in its own place elsewhere.

        `index` has as many axes as self, and the result has its shape, which may be smaller than
        that of self along all axes but `dim`. A place out of range reads 0. TypeError unless
        `index` is an integer tensor, ValueError for shapes that do not fit.
        """
        _check_index("gather", index)
        device = common_device("gather", (self, index))
        axis = views.axis_of("gather", dim, max(self.ndim, 1))
        sizes, shape = self.shape or (1,), index.shape or (1,)
        pairs = list(zip(shape, sizes, strict=False))
        if index.ndim != self.ndim or not all(
            isinstance(n, int) and isinstance(m, int) and (k == axis or n <= m)
            for k, (n, m) in enumerate(pairs)
        ):
            raise ValueError(
                f"gather: an index of shape {show(index.shape)} does not fit {show(self.shape)} "
                f"along axis {axis}"
            )
        return self._wrap(gathered_along(self.node, axis, index.node), device)

    def one_hot(self, num_classes: int) -> Self:
        """int32 with a new last axis of `num_classes`: 1 at the place that is the element, else 0.

        An element outside of 0 … num_classes-1 gives zeros. TypeError unless self is of integers.
        """
        _check_index("one_hot", self)
        (count,) = views.checked_sizes("one_hot", (num_classes,))
        if not isinstance(count, int):
            raise TypeError(f"one_hot: num_classes must be an int, not {describe(count)}")
        classes = Node(Op.IOTA, views.place_dtype(count), (), count)
        column = views.unsqueezed(self.node, self.ndim)
        same = comparison.equal(*views.broadcast("one_hot", column, classes))
        return self._like(same.cast(dtypes.default_int))

    def nonzero(self, size: int | None = None, fill_value: Scalar = 0) -> Self:
        """The coordinates of the elements that are not zero, in row-major order: (count, ndim).

        int32, or int64 where that does not hold a coordinate. Without `size`, self is computed
        now, since the shape depends on it. With `size` nothing is computed: the first `size` rows,
        or what there is and then rows of `fill_value`.
        """
        shape = _fixed("nonzero", self.shape)
        mask = self._like(self.node.cast(dtypes.bool_))
        dtype = views.place_dtype(max(shape, default=0))
        if size is None:
            return self._wrap(_coordinates(mask, shape, dtype), self.device)
        numbers, found = _first_true("nonzero", mask.node, _size("nonzero", size))
        columns = []
        for k, extent in enumerate(shape):
            behind = views.product(shape[k + 1 :])
            assert isinstance(behind, int)
            place = (numbers // max(behind, 1)) % max(extent, 1)
            columns.append(views.unsqueezed(place.cast(dtype), 1))
        if not columns:
            return self._like(views.expand(graph.const(0, dtype), (*numbers.shape, 0)))
        rows = views.cat(columns, 1)
        there = views.expand(views.unsqueezed(found, 1), rows.shape)
        fill = promotion.constant("nonzero", fill_value, dtype)
        return self._like(there.where(rows, fill))

    def masked_select(
        self, mask: TensorBase, size: int | None = None, fill_value: Scalar = 0
    ) -> Self:
        """The elements where a bool tensor is true, in row-major order; both broadcast.

        Without `size`, the mask is computed now, since the shape depends on it. With `size` nothing
        is computed: the first `size` elements, or what there is and then `fill_value`. TypeError
        unless `mask` is a bool tensor.
        """
        if not isinstance(mask, TensorBase) or mask.dtype is not dtypes.bool_:
            kind = mask.dtype if isinstance(mask, TensorBase) else type(mask).__name__
            raise TypeError(f"masked_select: the mask must be a bool tensor, not {kind}")
        device = common_device("masked_select", (self, mask))
        shape = views.broadcast_shape("masked_select", self.shape, mask.shape)
        count = views.product(_fixed("masked_select", shape))
        x, wide = views.expand(self.node, shape), views.expand(mask.node, shape)
        flat = views.reshape(x, (count,))
        if size is None:
            found = advanced.true_numbers(self._wrap(wide, device))
            memory = device or registry.canonical(None)
            assert isinstance(count, int)
            numbers = advanced.in_memory(found, count, memory)
            return self._wrap(Node(Op.GATHER, self.dtype, (flat, numbers), 0), memory)
        numbers, there = _first_true("masked_select", wide, _size("masked_select", size))
        read = Node(Op.GATHER, self.dtype, (flat, numbers), 0)
        fill = promotion.constant("masked_select", fill_value, self.dtype)
        return self._wrap(there.where(read, fill), device)


def _check_index(op: str, index: object) -> None:
    """TypeError for what is no integer tensor."""
    if not isinstance(index, TensorBase) or not index.dtype.is_int:
        kind = index.dtype if isinstance(index, TensorBase) else type(index).__name__
        raise TypeError(f"{op}: the index must be an integer tensor, not {kind}")


def _fixed(op: str, shape: tuple[graph.Sint, ...]) -> tuple[int, ...]:
    sizes = tuple(size for size in shape if isinstance(size, int))
    if len(sizes) < len(shape):
        raise ValueError(f"{op}: {show(shape)} has a symbolic size")
    return sizes


def _size(op: str, size: object) -> int:
    count = as_sint(op, size)
    if isinstance(count, Node) or count < 0:
        raise ValueError(f"{op}: size must be an int of at least 0, not {describe(count)}")
    return count


def gathered_along(x: Node, axis: int, index: Node) -> Node:
    """x read along an axis at the places of an index, in each element's own place elsewhere.

    The index has as many axes as x, all of fixed size; a place out of range reads 0.
    """
    sizes, shape = x.shape or (1,), index.shape or (1,)
    places = [views.reshape(index, shape) if k == axis else own_places(shape, k)
              for k in range(len(shape))]  # fmt: skip
    number = advanced.flat_number(list(zip(places, sizes, strict=True)))
    flat = views.reshape(x, (views.product(sizes),))
    return views.reshape(Node(Op.GATHER, x.dtype, (flat, number), 0), index.shape)


def own_places(shape: tuple[graph.Sint, ...], axis: int) -> Node:
    """Each element's own place along an axis, as a tensor of this shape."""
    size = shape[axis]
    assert isinstance(size, int)
    numbers = Node(Op.IOTA, views.place_dtype(size), (), size)
    alone = tuple(size if k == axis else 1 for k in range(len(shape)))
    return views.expand(views.reshape(numbers, alone), shape)


def _coordinates(mask: TensorBase, shape: tuple[int, ...], dtype: dtypes.DType) -> Node:
    """Rows of coordinates in memory. Computes the mask."""
    import numpy as np

    from engine import storage

    numbers = advanced.true_numbers(mask)
    columns = np.unravel_index(numbers, shape) if shape else ()
    rows = np.zeros((numbers.size, len(shape)), dtype.name)
    for k, column in enumerate(columns):
        rows[:, k] = column
    return storage.from_host(rows.tobytes(), dtype, rows.shape, mask.device)


# -- the first elements that are true, without computing -------------------------------------------
def _first_true(op: str, mask: Node, size: int) -> tuple[Node, Node]:
    """The row-major numbers of the first `size` true elements; which of them there are.

    A running count says at which place each true element's number is written; the others, and those
    behind the end, are written nowhere.
    """
    total = views.product(mask.shape)
    assert isinstance(total, int)
    dtype = views.place_dtype(max(total, size))
    empty = views.expand(graph.const(0, dtype), (size,))
    if total == 0 or size == 0:
        return empty, views.expand(graph.const(False, dtypes.bool_), (size,))
    flat = views.reshape(mask, (total,))
    counts = scanned(op, Op.ADD, flat.cast(dtype))
    places = flat.where(counts - 1, size)
    numbers = views.iota(total).cast(dtype)
    found = views.reshape(views.narrowed(counts, 0, total - 1, total), ())
    ranks = views.iota(size).cast(dtype)
    there = Node(Op.LT, dtypes.bool_, views.broadcast(op, ranks, found))
    return Node(Op.SCATTER, dtype, (empty, places, numbers), (0, None)), there
