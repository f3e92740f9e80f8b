"""Changes of size at the ends of axes: padding in four modes, and cutting to a shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from engine.dtypes import Scalar
from engine.graph import Node, Sint
from engine.ops import Op
from engine.tensor import promotion, views
from engine.tensor.base import TensorBase
from engine.tensor.variable import Size, as_sint, describe, show

Pair = tuple[int, int] | None
Sizes = Size | None | Sequence[Size | None]


class Padding(TensorBase):
    """Amounts are ints: before and after each axis. What is copied keeps its bits."""

    def pad(
        self,
        padding: Sequence[int] | Sequence[Pair],
        mode: str = "constant",
        value: Scalar = 0,
    ) -> Self:
        """Elements around the tensor; negative amounts cut off instead, before anything is added.

        `padding` is (before, after) or None for each axis; or flat, (before, after) from the last
        axis backwards, for as many axes as there are pairs. `mode` says what is added:

        - `constant`: `value`, which must be a value of the dtype (OverflowError, TypeError);
        - `reflect`: the axis mirrored at its end elements, which are not repeated: c b [a b c] b a;
        - `replicate`: the end elements: a a [a b c] c c;
        - `circular`: the axis from its other end: b c [a b c] a b.

        The last three repeat as often as needed, and as numpy raise ValueError on an empty axis.
        """
        if mode != "constant" and mode not in _SOURCES:
            known = ", ".join(("constant", *_SOURCES))
            raise ValueError(f"pad: mode must be one of {known}, not {mode!r}")
        pairs = _padding(padding, self.ndim)
        kept = [
            (max(-before, 0), size if after >= 0 else _shorter(size, -after))
            for (before, after), size in zip(pairs, self.shape)
        ]
        added = tuple((max(before, 0), max(after, 0)) for before, after in pairs)
        inner = views.shrink(self.node, kept)
        if mode != "constant":
            return self._like(_padded_from_within(inner, added, mode))
        fill = promotion.constant("pad", _pad_value(value, self), self.dtype)
        return self._like(views.pad(inner, added, fill))

    def pad_to(self, shape: Sizes, *args: Size | None, value: Scalar = 0) -> Self:
        """`value` behind the elements of each axis, up to `shape`; None keeps a size.

        ValueError for a size below that of the tensor.
        """
        sizes = self._target("pad_to", shape, args)
        if any(new < old for new, old in zip(sizes, self._fixed("pad_to"))):
            raise ValueError(f"pad_to: {show(self.shape)} does not fit into {show(sizes)}")
        grown = zip(sizes, self._fixed("pad_to"), strict=True)
        return self.pad([(0, new - old) for new, old in grown], value=value)

    def shrink_to(self, shape: Sizes, *args: Size | None) -> Self:
        """The first elements of each axis, as many as `shape` says; None keeps a size.

        ValueError for a size above that of the tensor.
        """
        sizes = self._target("shrink_to", shape, args)
        if any(new > old for new, old in zip(sizes, self._fixed("shrink_to"))):
            raise ValueError(f"shrink_to: {show(self.shape)} has no part of shape {show(sizes)}")
        return self._view(views.shrink(self.node, [(0, size) for size in sizes]))

    def _fixed(self, op: str) -> tuple[int, ...]:
        if any(isinstance(size, Node) for size in self.shape):
            raise ValueError(f"{op}: {show(self.shape)} has a symbolic size")
        return tuple(size for size in self.shape if isinstance(size, int))

    def _target(self, op: str, shape: Sizes, args: tuple[Size | None, ...]) -> tuple[int, ...]:
        """The sizes asked for, None filled in."""
        given = views.as_shape((shape, *args))
        if len(given) != self.ndim:
            raise ValueError(f"{op}: {len(given)} sizes for {self.ndim} dimensions")
        pairs = zip(given, self._fixed(op), strict=True)
        filled = views.checked_sizes(op, [old if new is None else new for new, old in pairs])
        if any(isinstance(size, Node) for size in filled):
            raise ValueError(f"{op}: {show(filled)} has a symbolic size")
        return tuple(size for size in filled if isinstance(size, int))


# -- elements from within --------------------------------------------------------------------------
def _padded_from_within(x: Node, pairs: tuple[tuple[int, int], ...], mode: str) -> Node:
    """Axis by axis, elements of the axis itself on both sides."""
    for axis, (before, after) in enumerate(pairs):
        size = x.shape[axis]
        if not before and not after:
            continue
        if not isinstance(size, int) or size == 0:
            raise ValueError(
                f"pad: mode {mode!r} takes elements of axis {axis}, which has size {describe(size)}"
            )
        count = before + size + after
        dtype = views.place_dtype(2 * count)
        numbers = Node(Op.IOTA, dtype, (), count) - before
        x = Node(Op.GATHER, x.dtype, (x, _SOURCES[mode](numbers, size)), axis)
    return x


def _reflected(number: Node, size: int) -> Node:
    """A wave of period 2·size - 2; one element alone is its own mirror image."""
    around = number % max(2 * size - 2, 1)
    return around.lt(size).where(around, (2 * size - 2) - around)


def _replicated(number: Node, size: int) -> Node:
    return number.binary(Op.MAXIMUM, 0).binary(Op.MINIMUM, size - 1)


def _circular(number: Node, size: int) -> Node:
    return number % size


_SOURCES: dict[str, Callable[[Node, int], Node]] = {
    "reflect": _reflected, "replicate": _replicated, "circular": _circular,
}  # fmt: skip


# -- amounts ---------------------------------------------------------------------------------------
def _shorter(size: Sint, amount: int) -> int:
    if isinstance(size, Node):
        raise ValueError(f"pad: an axis of symbolic size {describe(size)} cannot be cut off")
    return size - amount


def _padding(padding: Sequence[int] | Sequence[Pair], ndim: int) -> list[tuple[int, int]]:
    """One (before, after) for each axis, from either notation."""
    items = list(padding)
    if all(item is None or isinstance(item, tuple | list) for item in items):
        given: list[tuple[object, object]] = [
            (0, 0) if item is None else (item[0], item[1])  # type: ignore[index]
            for item in items
        ]
        if len(given) != ndim:
            raise ValueError(f"pad: {len(given)} pairs for {ndim} dimensions")
    else:
        if len(items) % 2 or len(items) > 2 * ndim:
            raise ValueError(f"pad: {len(items)} amounts are not pairs for {ndim} dimensions")
        given = list(zip(items[-2::-2], items[-1::-2]))
        given = [(0, 0)] * (ndim - len(given)) + given
    return [(_amount(before), _amount(after)) for before, after in given]


def _amount(value: object) -> int:
    amount = as_sint("pad", value)
    if isinstance(amount, Node):
        raise TypeError(f"pad: amounts must be ints, not {describe(amount)}")
    return amount


def _pad_value(value: Scalar, tensor: TensorBase) -> Scalar:
    """`value` as a value of the tensor's dtype: integers take no fraction."""
    if not isinstance(value, int | float):
        raise TypeError(f"pad: the value is a number, not {type(value).__name__}")
    if tensor.dtype.is_float or isinstance(value, int):
        return value
    if value.is_integer():
        return int(value)
    raise TypeError(f"pad: {value} is no value of {tensor.dtype}; cast the tensor first")
