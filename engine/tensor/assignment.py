"""Writing: `x[…] = v`, `assign`, and the operators that write in place. Nothing is computed.

Writing makes the next version of a storage: a node with the old version and the value below it.
Value and indices are taken before, as they are then, and every check comes before the write, so
that an error changes nothing.
"""

from __future__ import annotations

import math
from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, Sint
from engine.ops import Op
from engine.shapes import Shape, places_differ, split_symbols, static
from engine.tensor import advanced, host, views
from engine.tensor.advanced import Mask, Merged, Place
from engine.tensor.alias import layout_of
from engine.tensor.base import Operand, TensorBase
from engine.tensor.bits import resized
from engine.tensor.creation import constant, from_data
from engine.tensor.gradient import tracking
from engine.tensor.index import Index
from engine.tensor.layout import Layout, after, of_storage, total
from engine.tensor.variable import show

_KINDS = {"bool": 0, "uint": 1, "int": 1, "float": 2}

# What `x += y` and the like stand for: the method whose result is written to x.
IN_PLACE = {
    "__iadd__": "add",
    "__isub__": "sub",
    "__imul__": "mul",
    "__itruediv__": "div",
    "__ifloordiv__": "floordiv",
    "__imod__": "mod",
    "__ipow__": "pow",
    "__iand__": "bitwise_and",
    "__ior__": "bitwise_or",
    "__ixor__": "bitwise_xor",
    "__ilshift__": "lshift",
    "__irshift__": "rshift",
    "__imatmul__": "matmul",
}


class Assignment(Index):
    """What is written through a view is seen by its storage and by all other views of it."""

    def __setitem__(self, key: object, value: object) -> None:
        """Write `value` to the part that `key` selects, which may be any key that reads.

        `value`, a tensor, number, array or nested lists, broadcasts to the shape that `x[key]` has
        and is cast to the dtype of the tensor; one on another device is copied from there. Of
        several index tensors that name one place the last one wins, in row-major order; a place out
        of range is not written if it stands in a tensor. A mask is computed only where the value
        has an element for each that is true, since its shape must then be compared.

        ValueError for shapes that do not fit, and where elements of the part share memory; errors
        of the key as in reading.
        """
        op = "x[…] = v"
        chosen = self._selected(key)
        given = self._taken(op, value)
        if not chosen.advanced:
            shown = chosen.basic
            node = _broadcast(op, given, shown.shape)
            self._advance(self._view(shown)._next(op, node))
            return
        part = self._view(chosen.node)  # made first: computing a mask may compute this tensor
        found = advanced.merged(chosen.node, chosen.places, chosen.together)
        mask = _only_mask(chosen.places)
        if mask is not None and not _has_row_per_place(given, found):
            shape = found.node.shape
            node = advanced.masked(found, mask, _broadcast(op, given, shape))
        else:
            number = advanced.numbers(chosen.node, chosen.places, chosen.device)
            wide = _broadcast(op, given, found.result(number.shape))
            node = advanced.written(found, number, wide)
        self._advance(part._next(op, node))

    def assign(self, x: object) -> Self:
        """Write `x`, which broadcasts and is cast as in `x[…] = v`, to the whole of this tensor.

        ValueError for a shape that does not broadcast, and where elements share memory.
        """
        node = _broadcast("assign", self._taken("assign", x), self.shape)
        self._advance(self._next("assign", node))
        return self

    def _in_place(self, name: str, operator: str, other: Operand) -> Self:
        """Write the result of a method to this tensor.

        TypeError if its dtype is of a higher kind, in the order bool, integer, float; ValueError if
        its shape is another one.
        """
        result = getattr(self, name)(other)
        if _KINDS[result.dtype.kind] > _KINDS[self.dtype.kind]:
            raise TypeError(
                f"{operator}: {result.dtype}, the dtype of the result, is not written to "
                f"{self.dtype}; cast the operand, or write x = x.{name}(…)"
            )
        if result.shape != self.shape:
            raise ValueError(
                f"{operator}: the result has shape {show(result.shape)}, which is not that of the "
                f"tensor, {show(self.shape)}"
            )
        self._advance(self._next(operator, self._taken(operator, result)))
        return self

    # -- values ------------------------------------------------------------------------------------
    def _taken(self, op: str, value: object) -> Node:
        """A value as a node of the dtype and on the device of this tensor."""
        if isinstance(value, bool | int | float) and not host.is_array(value):
            return constant(op, value, self.dtype)
        if not isinstance(value, TensorBase):
            return from_data(value, self.dtype, self.device)
        node = value.node.cast(self.dtype)
        home = self._device or self.node.device
        if home is None or node.device in (None, home):
            return node
        return Node(Op.COPY, node.dtype, (node,), home)

    # -- writing -----------------------------------------------------------------------------------
    def _next(self, op: str, value: Node) -> Node | None:
        """The next version of the storage, with `value` where this tensor shows it.

        None where nothing changes.
        """
        check_writable(self, op)
        if value is self.node or 0 in self.shape:
            return None  # these bits are there already, or there are none
        old, layout = self._shows.storage.node, layout_of(self._shows)
        same_width = value.dtype.itemsize == old.dtype.itemsize
        whole = _in_order(value, layout, old) if same_width else None
        if whole is not None:
            return views.reshape(whole.bitcast(old.dtype), old.shape)
        return _stored(old, value, layout)

    def _advance(self, version: Node | None) -> None:
        """Write a version to the storage. That of a leaf is another leaf, with the same owner."""
        storage = self._shows.storage
        if version is None:
            return
        version = tracking.recorded(version)
        if storage.node.op is Op.LEAF:
            version = tracking.new_leaf(version, tracking.owner(storage.node))
        storage.write(version, storage.device or version.device)


def check_writable(tensor: TensorBase, op: str) -> None:
    """Refuse a write that would have no meaning.

    ValueError where elements of a tensor share memory. RuntimeError where it is, or shows, a leaf
    that requires a gradient, and gradients are recorded.
    """
    if tracking.is_recording() and tensor._shows.storage.node.op is Op.LEAF:
        raise RuntimeError(
            f"{op}: this {tensor.dtype} tensor of shape {show(tensor.shape)} asked for its "
            "gradient, or is a view of one that did; write inside of `with Tensor.no_grad()`, or "
            "to a .clone()"
        )
    shape, strides = tensor.shape, layout_of(tensor._shows).strides
    sizes, steps = static(shape), static(strides)
    if sizes is None or steps is None:
        apart = all(stride != 0 for stride, n in zip(strides, shape, strict=True) if n != 1)
    else:
        apart = 0 in sizes or places_differ(sizes, steps)
    if not apart:
        raise ValueError(
            f"{op}: elements of the tensor of shape {show(shape)} share memory or lie between each "
            "other, as in an expanded view or in windows that overlap; write to what it is a view "
            "of, or to a .clone()"
        )


def _install(operator: str, name: str) -> None:
    """Give `Assignment` an operator that writes in place."""
    symbol = f"{operator[3:-2]} in place"

    def in_place(self: Assignment, other: Operand) -> Assignment:
        return self._in_place(name, symbol, other)

    in_place.__name__ = operator
    in_place.__doc__ = f"Write the result of `{name}` to this tensor."
    setattr(Assignment, operator, in_place)


for _operator, _name in IN_PLACE.items():
    _install(_operator, _name)


# -- shapes of values ------------------------------------------------------------------------------
def _broadcast(op: str, value: Node, shape: Shape) -> Node:
    """A value as a node of `shape`; axes of size 1 in front that are too many are dropped."""
    extra = len(value.shape) - len(shape)
    if extra > 0 and all(size == 1 for size in value.shape[:extra]):
        value = views.reshape(value, value.shape[extra:])
    return views.expand(value, shape, op)


def _only_mask(places: list[Place]) -> Node | None:
    """The node of a mask that is a tensor, if there is no index tensor beside it."""
    given = [place.index for place in places if place.index is not None]
    mask = given[0] if len(given) == 1 else None
    return mask.node if isinstance(mask, Mask) else None


def _has_row_per_place(value: Node, into: Merged) -> bool:
    """Whether a value has the merged axis, with another size than 1."""
    behind = len(into.node.shape) - 1 - into.axis
    return len(value.shape) > behind and value.shape[len(value.shape) - 1 - behind] != 1


# -- versions --------------------------------------------------------------------------------------
def _in_order(value: Node, layout: Layout, old: Node) -> Node | None:
    """A value in the order of the storage; None unless it is written to all elements of that.

    Then the old version plays no part: it may be lost, and need not be there.
    """
    if _is_whole(layout, value.shape, old):
        return value
    strides = static(layout.strides)
    if strides is None or not views.same_count(value.shape, old.shape):
        return None
    flipped = views.flip(value, tuple([k for k, stride in enumerate(strides) if stride < 0]))
    order = sorted(range(len(strides)), key=lambda k: -abs(strides[k]))
    found = views.permute(flipped, tuple(order))
    chain = [node for node, of in ((flipped, value), (found, flipped)) if node is not of]
    moved = after(layout, chain)
    return found if moved is not None and _is_whole(moved, found.shape, old) else None


def _is_whole(layout: Layout, shape: Shape, old: Node) -> bool:
    """Whether a layout of a shape is that of all elements of a storage, in order."""
    if total(layout.offset) != 0 or not views.same_count(shape, old.shape):
        return False
    in_order = of_storage(shape, old.dtype.itemsize).strides
    pairs = zip(shape, layout.strides, in_order, strict=True)
    return all(stride == due for n, stride, due in pairs if n != 1)


def _stored(old: Node, value: Node, layout: Layout) -> Node:
    """The version after `old`, with a value where a layout says.

    Elements are counted in units that divide all distances: those of the storage, or narrower ones
    where they were written through a bitcast.
    """
    width = old.dtype.itemsize
    sizes = (width, value.dtype.itemsize, *layout.offset, *_steps(value, layout))
    unit = math.gcd(*map(views.plain_factor, sizes))
    if unit == width:
        return _written(old, value, layout)
    return _taken_apart(old, value, layout, dtypes.BY_NAME[f"uint{8 * unit}"])


def _written(base: Node, value: Node, layout: Layout) -> Node:
    """The version after `base`, whose elements divide all distances of a layout."""
    unit = base.dtype.itemsize
    offset = total([_in_units(term, unit) for term in layout.offset])
    strides = [_in_units(step, unit) for step in _steps(value, layout)]
    if value.dtype.itemsize > unit:
        value = views.unsqueezed(value, len(value.shape))
        strides.append(1)
    template, symbols = split_symbols((offset, tuple(strides)))
    return Node(Op.STORE, base.dtype, (base, resized(value, base.dtype), *symbols), template)


def _taken_apart(old: Node, value: Node, layout: Layout, kind: DType) -> Node:
    """The version after `old`, into which parts of elements, of a narrower dtype, are written.

    A run of elements is taken apart, put together again and written: those from the first to the
    last that is touched, or all of them where these depend on variables.
    """
    width, flat = old.dtype.itemsize, _flat(old)
    first, count = _run(value, layout, width) or (0, flat[0])
    run = views.narrowed(views.reshape(old, flat), 0, first, first + count)
    inside = Layout((*layout.offset, -first * width), layout.strides)
    new = resized(_written(resized(run, kind), value, inside), old.dtype)
    if count == flat[0]:
        return views.reshape(new, old.shape)
    return _written(old, new, Layout((first * width,), (width,)))


def _run(value: Node, layout: Layout, width: int) -> tuple[int, int] | None:
    """The first element of `width` bytes that a value touches, and how many there are to the last.

    None where that depends on variables.
    """
    offset, shape, strides = total(layout.offset), static(value.shape), static(layout.strides)
    if not isinstance(offset, int) or shape is None or strides is None:
        return None
    reach = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
    first = (offset + sum(min(0, r) for r in reach)) // width
    behind = offset + sum(max(0, r) for r in reach) + value.dtype.itemsize
    return first, -(-behind // width) - first


def _steps(value: Node, layout: Layout) -> list[Sint]:
    """The strides of a layout; 0 where an axis has one place."""
    return [stride if n != 1 else 0 for n, stride in zip(value.shape, layout.strides, strict=True)]


def _in_units(size: Sint, unit: int) -> Sint:
    found = views.quotient(size, unit)
    assert found is not None, "the unit divides all distances"
    return found


def _flat(old: Node) -> tuple[int, ...]:
    """All elements of a storage in a row. ValueError if their number is symbolic."""
    count = views.product(old.shape)
    if not isinstance(count, int):
        raise ValueError(
            f"x[…] = v: elements of another width in a storage of symbolic shape {show(old.shape)} "
            "cannot be written one by one; write whole elements, or to a .clone()"
        )
    return (count,)
