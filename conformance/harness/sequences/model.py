"""Sequences in numpy: views are numpy's views, writes are numpy's writes, now and in order.

What is computed is computed by the numpy reference. numpy decides which results share memory; the
contract adds three things: an index out of range writes nothing, an overlapping target is refused,
and every result that is no view is row-major.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from conformance.harness.case import Statement
from conformance.harness.subject import array_bytes
from conformance.harness.work import Budget
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref import evaluate
from oracles.numpy_ref.index import getitem, placed
from oracles.numpy_ref.support import convert, scalar
from oracles.promotion import weak

MAX_BYTES = 1 << 22  # of one tensor


class Model:
    """A world of ndarrays. `there` is where `x.to('there')` goes: a copy, the first time."""

    def __init__(self) -> None:
        self.budget = Budget()
        self._there: dict[int, Array] = {}  # memory on the other device, by its identity

    def make(self, function: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        return MAKERS[function](*arguments, **keywords)

    def apply(self, op: str, operands: list[Any]) -> Array:
        if op != "matmul":
            _limited(np.broadcast_shapes(*(np.shape(x) for x in operands)))
        return self._computed(op, operands, {})

    def call(
        self, method: str, receiver: Any, arguments: list[Any], keywords: dict[str, Any]
    ) -> Array:
        if method == "assign":
            store(receiver, ..., arguments[0])
            return _array(receiver)
        if method == "to":
            there = arguments == ["there"]
            stays = there == self._is_there(receiver)
            return receiver if stays else self._placed(own(receiver), there)
        if method == "cast" and keywords["dtype"] == receiver.dtype.name:
            return _array(receiver)
        if method in COPIES:
            return self._placed(own(receiver), self._is_there(receiver))
        if method in VIEWS:
            found = VIEWS[method](receiver, *arguments, **keywords)
            _limited(found.shape)
            if _memory(found) is not _memory(receiver):  # reshape, where no view has the shape
                self._placed(_memory(found), self._is_there(receiver))
            return found
        return self._computed(method, [receiver, *arguments], keywords)

    def _computed(self, op: str, given: list[Any], attributes: dict[str, Any]) -> Array:
        there, operands = self._common(given), _arrays(given)
        self.budget.spend(Statement(op, (), attributes), [x.shape for x in operands])
        return self._placed(own(evaluate(op, operands, attributes)), there)

    def _placed(self, x: Array, there: bool) -> Array:
        """Memory that is new, on one of the two devices."""
        if there:
            self._there[id(x)] = x
        return x

    def _is_there(self, x: Array) -> bool:
        """Whether a tensor, or what it is a view of, is on the other device."""
        return id(_memory(x)) in self._there

    def _common(self, operands: Iterable[Any]) -> bool:
        """Whether the tensors among these are on the other device.

        RuntimeError if only some of them are.
        """
        found = {self._is_there(x) for x in operands if isinstance(x, np.ndarray)}
        if len(found) > 1:
            raise RuntimeError("operands on two devices")
        return True in found

    def read(self, x: Any, key: Any) -> Array:
        if not is_advanced(key):
            return _view(x, key)
        items = _items(key)
        tensors = [item for item in items if isinstance(item, np.ndarray)]
        there = self._common([x, *tensors])
        if not tensors:
            return self._placed(own(x[key]), there)
        numbers = iter(range(1, len(tensors) + 1))
        index = tuple(f"t{next(numbers)}" if isinstance(i, np.ndarray) else i for i in items)
        return self._placed(own(getitem(x, *tensors, index=index)), there)

    def write(self, x: Any, key: Any, value: Any) -> None:
        self._common([x, *_items(key)])
        store(x, key, value)

    def update(self, op: str, x: Any, value: Any) -> Any:
        result = self.apply(op, [x, value])
        if RANKS[format_of(result).kind] > RANKS[format_of(x).kind]:
            raise TypeError(f"{op}: {result.dtype.name} is not written into {x.dtype.name}")
        if result.shape != x.shape:
            raise ValueError(f"{op}: {result.shape} is not written into {x.shape}")
        store(x, ..., result)
        return x

    def realize(self, tensors: list[Any]) -> None:
        pass

    def see(self, x: Any) -> tuple[str, tuple[int, ...], bytes] | None:
        if not isinstance(x, np.ndarray):
            return None
        return x.dtype.name, x.shape, array_bytes(x)


def _memory(x: Array) -> Array:
    """What a tensor is a view of, or the tensor itself."""
    memory = x
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    return memory


def own(x: Array) -> Array:
    """Memory of its own, row-major."""
    return np.array(x, order="C", copy=True)


def _array(x: Any) -> Array:
    if not isinstance(x, np.ndarray):
        raise TypeError(f"a tensor is needed, not {x!r}")
    return x


def _arrays(operands: list[Any]) -> list[Array]:
    """Tensors; a number takes the dtype that the first tensor gives it."""
    dtypes = [x.dtype.name for x in operands if isinstance(x, np.ndarray)]
    if not dtypes:
        raise TypeError(f"one of the operands is a tensor, not {operands}")
    (dtype, *_) = dtypes
    return [x if isinstance(x, np.ndarray) else np.asarray(scalar(x, weak(dtype, x)))
            for x in operands]  # fmt: skip


def _limited(shape: tuple[int, ...]) -> None:
    if prod(shape) > MAX_BYTES:
        raise ValueError(f"a tensor of a sequence has at most {MAX_BYTES} elements: {shape}")


# -- what is made ----------------------------------------------------------------------------------
def tensor(data: Any, dtype: str) -> Array:
    """Numbers in nested lists, each rounded once to `dtype`."""
    numbers = np.array(data, dtype=object)
    if numbers.size == 0:
        return np.empty(numbers.shape, FORMATS[dtype].numpy_dtype)
    found = [scalar(x, dtype) for x in numbers.reshape(-1)]
    return np.array(found, FORMATS[dtype].numpy_dtype).reshape(numbers.shape)


def bits(dtype: str, shape: tuple[int, ...], words: str) -> Array:
    """Elements as hexadecimal words, with blanks between them."""
    row = FORMATS[dtype]
    found = np.array([int(word, 16) for word in words.split()], row.unsigned)
    return row.from_bits(found.reshape(shape))


def full(shape: tuple[int, ...], value: bool | int | float, dtype: str) -> Array:
    """One value everywhere."""
    _limited(shape)
    return np.full(shape, scalar(value, dtype), FORMATS[dtype].numpy_dtype)


def zeros(shape: tuple[int, ...], dtype: str) -> Array:
    """Zeros everywhere."""
    return full(shape, 0, dtype)


def arange(stop: int, dtype: str) -> Array:
    """0 … stop - 1."""
    _limited((stop,))
    return convert(np.arange(stop), dtype)


def variable(name: str, low: int, high: int, value: int) -> int:
    """A variable of the range low … high that is bound to a value: here, the value."""
    if not low <= value <= high:
        raise ValueError(f"{name} is not between {low} and {high}: {value}")
    return value


MAKERS: Mapping[str, Callable[..., Any]] = {
    "tensor": tensor, "bits": bits, "full": full, "zeros": zeros, "arange": arange,
    "variable": variable,
}  # fmt: skip
COPIES = frozenset({"contiguous", "clone"})


# -- views -----------------------------------------------------------------------------------------
def _view(x: Array, key: Any) -> Array:
    """Basic indexing; the Ellipsis makes it a view where it is one element, too."""
    items = _items(key)
    return np.asarray(x[items if ... in items else (*items, ...)])


def expand(x: Array, shape: tuple[int, ...]) -> Array:
    """Axes of size 1 repeated, and new ones in front."""
    wide = np.broadcast_to(x, shape)
    return as_strided(x, wide.shape, wide.strides)


def unfold(x: Array, dim: int, size: int, step: int) -> Array:
    """Windows along an axis, as a new last one."""
    axis = dim % x.ndim
    count = (x.shape[axis] - size) // step + 1
    if count < 1 or step < 1 or size < 0:
        raise ValueError(f"unfold: no window of {size} by {step} in {x.shape}")
    shape = (*(count if k == axis else n for k, n in enumerate(x.shape)), size)
    strides = (*(s * step if k == axis else s for k, s in enumerate(x.strides)), x.strides[axis])
    return as_strided(x, shape, strides)


def bitcast(x: Array, dtype: str) -> Array:
    """The same bytes as another dtype."""
    if "bool" in (dtype, x.dtype.name):
        raise TypeError(f"bitcast from {x.dtype.name} to {dtype}")
    return x.view(FORMATS[dtype].numpy_dtype)


def diagonal(x: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """A diagonal as a new last axis; one that may be written."""
    found = x.diagonal(offset, dim1, dim2)
    place = x[...]
    if found.size == 0:
        return found
    rows = [slice(None)] * x.ndim
    rows[dim1 % x.ndim] = slice(max(0, -offset), None)
    rows[dim2 % x.ndim] = slice(max(0, offset), None)
    return as_strided(place[tuple(rows)], found.shape, found.strides)


def flatten(x: Array, start: int = 0, end: int = -1) -> Array:
    """Some axes, neighbours, as one."""
    start, end = start % x.ndim if x.ndim else 0, end % x.ndim if x.ndim else 0
    return x.reshape(*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :])


def squeeze(x: Array, dim: int | None = None) -> Array:
    """Without an axis of size 1, or without all of them."""
    return x.squeeze() if dim is None else x if x.shape[dim] != 1 else x.squeeze(dim)


VIEWS: Mapping[str, Callable[..., Array]] = {
    "bitcast": bitcast,
    "detach": lambda x: x[...],
    "diagonal": diagonal,
    "expand": expand,
    "flatten": flatten,
    "flip": np.flip,
    "permute": lambda x, order: x.transpose(order),
    "reshape": lambda x, shape: x.reshape(shape),
    "shrink": lambda x, arg: x[(*(slice(low, high) for low, high in arg), ...)],
    "squeeze": squeeze,
    "transpose": lambda x, a, b: x.swapaxes(a, b),
    "unfold": unfold,
    "unsqueeze": np.expand_dims,
}


# -- writes ----------------------------------------------------------------------------------------
RANKS = {"bool": 0, "uint": 1, "int": 1, "float": 2}
"""In place, a result of a higher rank is refused."""


def _items(key: Any) -> tuple[Any, ...]:
    """The items of a key."""
    return key if isinstance(key, tuple) else (key,)


def is_advanced(key: Any) -> bool:
    """Whether a key holds tensors or lists: what it reads is a copy."""
    return any(isinstance(item, np.ndarray | list | bool) for item in _items(key))


def store(x: Any, key: Any, value: Any) -> None:
    """x[key] = value, after everything has been read. A place out of range is left out."""
    target = _array(x)
    given = _array(value) if isinstance(value, np.ndarray) else np.asarray(
        scalar(value, target.dtype.name))  # fmt: skip
    given = own(convert(given, target.dtype.name))
    if not is_advanced(key):
        part = _view(target, key)
        np.broadcast_to(given, part.shape)
        check_apart(part)
        part[...] = given
        return
    check_apart(target)
    if not any(isinstance(item, np.ndarray) for item in _items(key)):
        target[key] = given
        return
    places, widths = placed(_items(key), target.shape)
    words = target.view(format_of(target).unsigned)
    wide = np.pad(words, widths) if widths else own(words)
    wide[places] = given.view(format_of(given).unsigned)
    inside = tuple(slice(0, n) for n in target.shape)
    target[...] = wide[inside].view(target.dtype)


def check_apart(x: Array) -> None:
    """ValueError if two elements of a view share memory."""
    if x.flags.c_contiguous:
        return
    axes = [np.arange(n) * stride for n, stride in zip(x.shape, x.strides)]
    *_, places = accumulate(axes, np.add.outer)
    every = np.add.outer(places.reshape(-1), np.arange(x.itemsize))
    if np.unique(every).size < every.size:
        raise ValueError(f"elements of the target {x.shape} overlap")
