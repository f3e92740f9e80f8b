"""Several tensors as one, one as several, and the same elements again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from engine import dtypes
from engine.graph import Node, Sint
from engine.tensor import views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.variable import as_sint, describe, show


class Joining(TensorBase):
    """Joining tensors of different dtypes promotes them first; nothing else changes a bit."""

    def cat(self, *args: TensorBase, dim: int = 0) -> Self:
        """The tensors one behind the other along axis `dim`, in their common dtype.

        ValueError unless all shapes agree in every other axis; a scalar has no axis.
        """
        parts = _parts("cat", self, args)
        axis = views.axis_of("cat", dim, self.ndim)
        for part in parts:
            if _without(part.shape, axis) != _without(self.shape, axis):
                shapes = " and ".join(show(p.shape) for p in parts)
                raise ValueError(f"cat: shapes {shapes} differ in an axis other than {axis}")
        return self._joined("cat", parts, [part.node for part in parts], axis)

    def stack(self, *args: TensorBase, dim: int = 0) -> Self:
        """The tensors side by side along a new axis at place `dim`, in their common dtype.

        ValueError unless all have one shape.
        """
        parts = _parts("stack", self, args)
        axis = views.axis_of("stack", dim, self.ndim + 1)
        if any(part.shape != self.shape for part in parts):
            shapes = " and ".join(show(part.shape) for part in parts)
            raise ValueError(f"stack: shapes {shapes} differ")
        nodes = [views.unsqueezed(part.node, axis) for part in parts]
        return self._joined("stack", parts, nodes, axis)

    def _joined(
        self, op: str, parts: Sequence[TensorBase], nodes: Sequence[Node], axis: int
    ) -> Self:
        dtype = dtypes.promote(*(part.dtype for part in parts))
        device = common_device(op, parts)
        return self._wrap(views.cat([node.cast(dtype) for node in nodes], axis), device)

    def split(self, sizes: int | Sequence[int], dim: int = 0) -> tuple[Self, ...]:
        """Parts along axis `dim`: of `sizes` elements, the last of what is left; or of the sizes
        listed, which must add up to the size of the axis (ValueError otherwise).
        """
        axis = views.axis_of("split", dim, self.ndim)
        size = _fixed("split", self.shape[axis])
        if isinstance(sizes, tuple | list):
            lengths = [_count("split", length) for length in sizes]
            if sum(lengths) != size:
                raise ValueError(
                    f"split: sizes {tuple(lengths)} do not add up to {size}, the size of axis "
                    f"{axis} of {show(self.shape)}"
                )
        else:
            each = _count("split", sizes)
            if each == 0 and size > 0:
                raise ValueError(f"split: parts of size 0 do not make an axis of size {size}")
            lengths = [min(each, size - k) for k in range(0, max(size, 1), max(each, 1))]
        return self._parts(lengths, axis)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Self, ...]:
        """Parts along axis `dim`, `chunks` of them: all of size ceil(size / chunks), the last of
        what is left. There are fewer where fewer of that size suffice.
        """
        axis = views.axis_of("chunk", dim, self.ndim)
        size = _fixed("chunk", self.shape[axis])
        count = _count("chunk", chunks)
        if count == 0:
            raise ValueError("chunk: at least one part must be asked for")
        if size == 0:
            return self._parts([0] * count, axis)
        each = -(-size // count)
        return self._parts([min(each, size - k) for k in range(0, size, each)], axis)

    def _parts(self, lengths: Sequence[int], axis: int) -> tuple[Self, ...]:
        parts, start = [], 0
        for length in lengths:
            node = views.narrowed(self.node, axis, start, start + length)
            parts.append(self._view(node))
            start += length
        return tuple(parts)

    def repeat(self, repeats: int | Sequence[int], *args: int) -> Self:
        """The whole tensor again and again, repeats[i] times along axis i, new axes in front.

        ValueError for fewer counts than axes.
        """
        counts = [_count("repeat", count) for count in views.as_shape((repeats, *args))]
        lead = len(counts) - self.ndim
        if lead < 0:
            raise ValueError(f"repeat: {len(counts)} counts for the axes of {show(self.shape)}")
        shape = (1,) * lead + self.shape
        apart = tuple(size for old in shape for size in (1, old))
        wide = tuple(size for n, old in zip(counts, shape, strict=True) for size in (n, old))
        node = views.expand(views.reshape(self.node, apart), wide)
        merged = tuple(views.product(pair) for pair in zip(counts, shape, strict=True))
        return self._like(views.reshape(node, merged))

    def repeat_interleave(self, repeats: int, dim: int | None = None) -> Self:
        """Each element `repeats` times before the next, along axis `dim` or of all in a row."""
        count = _count("repeat_interleave", repeats)
        node = self.node
        if dim is None:
            node = views.reshape(node, (views.product(node.shape),))
        axis = 0 if dim is None else views.axis_of("repeat_interleave", dim, self.ndim)
        before, size, after = node.shape[:axis], node.shape[axis], node.shape[axis + 1 :]
        wide = views.expand(views.unsqueezed(node, axis + 1), (*before, size, count, *after))
        return self._like(views.reshape(wide, (*before, views.product((size, count)), *after)))

    def roll(self, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Self:
        """Every element moved up by `shifts` places along axes `dims`, around the end to the front.

        Without `dims` the elements are rolled in a row and keep their shape. ValueError unless
        there is one shift for each axis; an axis may appear again, and its shifts add up.
        """
        amounts, axes = _listed(shifts), None if dims is None else _listed(dims)
        if len(amounts) != (1 if axes is None else len(axes)):
            raise ValueError(f"roll: shifts {shifts} do not belong to dims {dims} one to one")
        if axes is None:
            flat = views.reshape(self.node, (views.product(self.shape),))
            return self._like(views.reshape(_rolled(flat, 0, amounts[0]), self.shape))
        node = self.node
        for amount, axis in zip(amounts, axes, strict=True):
            node = _rolled(node, views.axis_of("roll", axis, self.ndim), amount)
        return self._like(node)

    def meshgrid(self, *args: TensorBase, indexing: str = "ij") -> tuple[Self, ...]:
        """Coordinates of a grid: result k is tensor k along axis k, the same along all others.

        Tensors have one axis or none. `indexing="xy"` swaps the first two axes of the results.
        """
        parts = _parts("meshgrid", self, args)
        if indexing not in ("ij", "xy"):
            raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', not {indexing!r}")
        if any(part.ndim > 1 for part in parts):
            shapes = " and ".join(show(part.shape) for part in parts)
            raise ValueError(f"meshgrid: tensors of shapes {shapes} must have one axis at most")
        device = common_device("meshgrid", parts)
        shape = tuple(views.product(part.shape) for part in parts)
        order = list(range(len(parts)))
        if indexing == "xy" and len(parts) > 1:
            order[0], order[1] = 1, 0
        made = []
        for k, part in enumerate(parts):
            alone = tuple(size if i == k else 1 for i, size in enumerate(shape))
            node = views.expand(views.reshape(part.node, alone), shape)
            made.append(self._wrap(views.permute(node, tuple(order)), device))
        return tuple(made)


def _parts(op: str, first: TensorBase, others: Sequence[object]) -> list[TensorBase]:
    """All operands; TypeError for what is no tensor."""
    parts = [first]
    for tensor in others:
        if not isinstance(tensor, TensorBase):
            kind = type(tensor).__name__
            raise TypeError(f"{op}: takes tensors one by one, not {kind}; write {op}(*tensors)")
        parts.append(tensor)
    return parts


def _without(shape: Sequence[Sint], axis: int) -> tuple[Sint, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def _fixed(op: str, size: Sint) -> int:
    if isinstance(size, Node):
        raise ValueError(f"{op}: an axis of symbolic size {describe(size)} has no fixed parts")
    return size


def _count(op: str, value: object) -> int:
    """A number of parts or elements; ValueError if it is negative."""
    count = _fixed(op, as_sint(op, value))
    if count < 0:
        raise ValueError(f"{op}: {count} is negative")
    return count


def _listed(value: int | Sequence[int]) -> list[int]:
    items = value if isinstance(value, tuple | list) else [value]
    return [_fixed("roll", as_sint("roll", item)) for item in items]


def _rolled(x: Node, axis: int, amount: int) -> Node:
    """The last `amount` elements of an axis before the others."""
    size = _fixed("roll", x.shape[axis])
    cut = -amount % size if size else 0
    if cut == 0:
        return x
    return views.cat([views.narrowed(x, axis, cut, size), views.narrowed(x, axis, 0, cut)], axis)
