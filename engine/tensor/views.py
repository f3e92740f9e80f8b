"""Movement nodes: checked shapes in, nodes out. A movement that changes nothing is no node."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, Sint
from engine.ops import Op, Operation
from engine.shapes import Shape, split_symbols, static, view_of
from engine.tensor.variable import as_sint, describe, difference, interval, show


def as_shape(sizes: Sequence[object]) -> tuple[object, ...]:
    """`f(2, 3)` and `f((2, 3))` mean the same."""
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        return tuple(sizes[0])
    return tuple(sizes)


def checked_sizes(op: str, sizes: Sequence[object]) -> Shape:
    """Sizes from a user; ValueError for negative ones."""
    shape = tuple(as_sint(op, size) for size in sizes)
    if any(interval(size)[0] < 0 for size in shape):
        hint = "; at most one size may be -1" if shape.count(-1) > 1 else ""
        raise ValueError(f"{op}: a size of {show(shape)} is negative{hint}")
    return shape


def axis_of(op: str, axis: object, ndim: int) -> int:
    """An axis counted from the front; IndexError outside `-ndim … ndim-1`."""
    number = as_sint(op, axis)
    if not isinstance(number, int):
        raise TypeError(f"{op}: an axis must be an int, not {describe(number)}")
    if not -ndim <= number < ndim:
        raise IndexError(f"{op}: axis {number} is out of range for {ndim} dimensions")
    return number % ndim


def axes_of(op: str, axis: object, ndim: int) -> tuple[int, ...]:
    """One axis, several, or None for all of them, in increasing order; each may appear once."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    result = sorted(axis_of(op, a, ndim) for a in axes)
    if len(set(result)) < len(result):
        raise ValueError(f"{op}: an axis appears twice in {tuple(axes)}")
    return tuple(result)


def reduced_axes(op: str, axis: object, ndim: int) -> tuple[int, ...]:
    """As `axes_of`; a scalar has one axis, of size 1, which is none of its shape."""
    axes = axes_of(op, axis, max(ndim, 1))
    return axes if ndim else ()


def place_dtype(count: int) -> DType:
    """The smaller of int32 and int64 that holds 0 … count, the place behind the end included."""
    return dtypes.int32 if count <= dtypes.int32.max else dtypes.int64


def _with_symbols(op: Operation, x: Node, arg: tuple[object, ...]) -> Node:
    """A movement whose symbolic sizes are operands."""
    plain, symbols = split_symbols(arg)
    return Node(op, x.dtype, (x, *symbols), plain)


def _factors(sizes: Sequence[Sint]) -> tuple[int, list[Node]]:
    """A product of sizes as the product of its ints, and its symbols."""
    fixed = static(tuple(sizes))
    if fixed is not None:
        return math.prod(fixed), []
    plain, symbols, pending = 1, list[Node](), list(reversed(sizes))
    while pending:
        size = pending.pop()
        if isinstance(size, int):
            plain *= size
        elif size.op is Op.CONST:
            plain *= size.arg
        elif size.op is Op.MUL:
            pending.extend(reversed(size.src))
        else:
            symbols.append(size)
    return plain, symbols if plain else []


def product(sizes: Sequence[Sint]) -> Sint:
    """The product of sizes, a node if one of them is symbolic."""
    plain, symbols = _factors(sizes)
    result: Sint = plain
    for symbol in symbols:
        result = symbol if isinstance(result, int) and result == 1 else symbol * result
    return result


def same_count(a: Sequence[Sint], b: Sequence[Sint]) -> bool:
    """Whether two shapes have equally many elements, whatever the variables are."""
    (n, x), (m, y) = _factors(a), _factors(b)
    return n == m and sorted(map(id, x)) == sorted(map(id, y))


def plain_factor(size: Sint) -> int:
    """The product of the ints of which a size is a product."""
    return size if isinstance(size, int) else _factors((size,))[0]


def quotient(whole: Sint, part: Sint) -> Sint | None:
    """whole / part; None if the factors of `part` are not all among those of `whole`."""
    if isinstance(whole, int) and isinstance(part, int):
        return None if part == 0 or whole % part else whole // part
    total, symbols = _factors((whole,))
    divisor, used = _factors((part,))
    if divisor == 0 or total % divisor or any(used.count(s) > symbols.count(s) for s in used):
        return None
    for symbol in used:
        symbols.remove(symbol)
    return product([total // divisor, *symbols])


def reshape(x: Node, shape: Shape) -> Node:
    """The same elements in row-major order. ValueError if the number of elements differs."""
    if shape == x.shape:
        return x
    if not same_count(shape, x.shape):
        raise ValueError(
            f"reshape: {show(x.shape)} and {show(shape)} differ in the number of elements"
        )
    return view_of(x, shape)


def inferred(old: Shape, sizes: Sequence[object]) -> Shape:
    """A shape with at most one -1, which takes what is left of the elements of shape `old`.

    ValueError if nothing that fits is left.
    """
    shape = tuple(as_sint("reshape", size) for size in sizes)
    if -1 not in shape:
        return checked_sizes("reshape", shape)
    place = shape.index(-1)
    rest = checked_sizes("reshape", shape[:place] + shape[place + 1 :])
    left = quotient(product(old), product(rest))
    if left is None:
        raise ValueError(f"reshape: -1 has no size in {show(shape)} for {show(old)}")
    return (*shape[:place], left, *shape[place + 1 :])


def expand(x: Node, shape: Shape, op: str = "expand") -> Node:
    """Repeat axes of size 1, after inserting axes in front. ValueError for any other change."""
    if shape == x.shape:
        return x
    lead = len(shape) - len(x.shape)
    padded = (1,) * lead + x.shape
    if lead < 0 or any(a != b and a != 1 for a, b in zip(padded, shape, strict=True)):
        raise ValueError(f"{op}: {show(x.shape)} does not expand to {show(shape)}")
    x = reshape(x, padded)
    return x if shape == padded else _with_symbols(Op.EXPAND, x, shape)


def broadcast_shape(op: str, *given: Shape) -> Shape:
    """The shape to which all of these expand; ValueError if there is none."""
    ndim = max(map(len, given), default=0)
    rows = [(1,) * (ndim - len(s)) + s for s in given]
    result: list[Sint] = []
    for sizes in zip(*rows, strict=True):
        wide: list[Sint] = [s for s in sizes if s != 1]
        if any(s != wide[0] for s in wide):
            raise ValueError(f"{op}: shapes {' and '.join(map(show, given))} do not broadcast")
        result.append(wide[0] if wide else 1)
    return tuple(result)


def broadcast(op: str, *operands: Node) -> tuple[Node, ...]:
    """Operands of one shape, as elementwise nodes take them; scalars stay scalars."""
    shape = broadcast_shape(op, *(x.shape for x in operands))
    return tuple(expand(x, shape, op) if x.shape else x for x in operands)


def permute(x: Node, order: tuple[int, ...]) -> Node:
    """Axis i of the result is axis order[i]."""
    return x if order == tuple(range(len(order))) else Node(Op.PERMUTE, x.dtype, (x,), order)


def flip(x: Node, axes: tuple[int, ...]) -> Node:
    """Reverse the order along the axes."""
    return Node(Op.FLIP, x.dtype, (x,), axes) if axes else x


def shrink(x: Node, pairs: Sequence[tuple[Sint, Sint]]) -> Node:
    """The part from start to end, exclusive, of each axis.

    ValueError unless 0 <= start <= end <= size for every value of the variables in it.
    """
    if all(pair == (0, size) for pair, size in zip(pairs, x.shape, strict=True)):
        return x
    arg: list[tuple[Sint, Sint]] = []
    for (start, end), size in zip(pairs, x.shape, strict=True):
        length = difference(end, start)
        room = difference(size, end)
        if min(interval(start)[0], interval(length)[0], interval(room)[0]) < 0:
            raise ValueError(
                f"shrink: {describe(start)} to {describe(end)} is outside an axis of size "
                f"{describe(size)}"
            )
        arg.append((start, length))
    return _with_symbols(Op.SHRINK, x, tuple(arg))


def pad(x: Node, pairs: tuple[tuple[int, int], ...], value: Node) -> Node:
    """`before` and `after` elements of the scalar `value` on each axis."""
    return Node(Op.PAD, x.dtype, (x, value), pairs) if any(map(any, pairs)) else x


def affine(x: Node, shape: tuple[int, ...], places: Sequence[tuple[int, Sequence[int]]]) -> Node:
    """A view whose element at `at` is x at offset + the sum of at[i] * factor[i], for each axis.

    `places` has (offset, factors) for each axis of x. ValueError if a place is outside of x, or x
    has a symbolic axis.
    """
    arg = (shape, tuple((offset, tuple(factors)) for offset, factors in places))
    node = Node(Op.AFFINE, x.dtype, (x,), arg)
    assert node.shape == shape  # which checks the places
    return node


def cat(parts: Sequence[Node], axis: int) -> Node:
    """Nodes of one dtype, and of one shape but for `axis`, one behind the other: a copy."""
    return parts[0] if len(parts) == 1 else Node(Op.CAT, parts[0].dtype, tuple(parts), axis)


def squeezed(x: Node, axes: tuple[int, ...]) -> Node:
    """Without these axes, which have size 1."""
    if not axes:
        return x
    return reshape(x, tuple(s for i, s in enumerate(x.shape) if i not in axes))


def iota(count: Sint) -> Node:
    """0 … count-1 along one axis, in the smallest of int32 and int64 that holds them."""
    most = interval(count)[1]
    dtype = dtypes.int32 if most <= 1 << 31 else dtypes.int64
    return shrink(Node(Op.IOTA, dtype, (), most), [(0, count)])


def unsqueezed(x: Node, axis: int) -> Node:
    """With a new axis of size 1 at this place."""
    return reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


def narrowed(x: Node, axis: int, start: Sint, end: Sint) -> Node:
    """The part start … end-1 of one axis."""
    pairs: list[tuple[Sint, Sint]] = [(0, size) for size in x.shape]
    pairs[axis] = (start, end)
    return shrink(x, pairs)
