"""What every part of Tensor stands on: what it shows, and what can stand beside it in an op."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from engine import dtypes
from engine.backends import registry
from engine.dtypes import DType, Scalar
from engine.graph import Node, Sint
from engine.ops import Op
from engine.storage import Storage
from engine.tensor import views
from engine.tensor.alias import Source, View
from engine.tensor.gradient import tracking


class TensorBase:
    """A storage of its own, or a view of the storage of another tensor.

    `_device` is None for an expression of constants that was never given a device: it goes where
    it is used, and to the default device when it is read on its own.
    """

    _shows: Source

    @classmethod
    def _showing(cls, source: Source) -> Self:
        tensor = cls.__new__(cls)
        tensor._shows = source
        return tensor

    @classmethod
    def _wrap(cls, node: Node, device: str | None) -> Self:
        """A tensor that owns its storage."""
        return cls._showing(Storage(tracking.recorded(node), device))

    def _like(self, node: Node) -> Self:
        """A tensor that owns its storage, on the same device."""
        return self._wrap(node, self._device)

    def _view(self, node: Node) -> Self:
        """A view of what this tensor shows; `node` is a movement of `self.node`."""
        return self._showing(View.moved(self._shows, tracking.recorded(node)))

    def _view_or_copy(self, node: Node) -> Self:
        """A view where the strides allow it, and else a copy. `node` ends with a reshape."""
        if node.op is Op.RESHAPE and node.src[0] is self._shows.storage.node:
            return self._view(node)
        view = View.moved(self._shows, node)
        return self._like(node) if view.layout is None else self._showing(view)

    @property
    def node(self) -> Node:
        """What this tensor is now: a node of the graph, which no later write changes."""
        return self._shows.node

    @property
    def _device(self) -> str | None:
        return self._shows.storage.device

    @property
    def device(self) -> str:
        """The canonical name of the device, such as `LLVM` or `LLVM:1`."""
        return self._device or registry.canonical(None)

    @property
    def dtype(self) -> DType:
        return self.node.dtype

    @property
    def shape(self) -> tuple[Sint, ...]:
        """The sizes of the axes; a symbolic size is a node of dtype index."""
        return self.node.shape

    @property
    def ndim(self) -> int:
        return len(self.node.shape)

    def numel(self) -> Sint:
        """The number of elements."""
        return views.product(self.node.shape)

    def element_size(self) -> int:
        """Bytes of one element in memory."""
        return self.dtype.itemsize

    def is_floating_point(self) -> bool:
        return self.dtype.is_float

    # -- reading -----------------------------------------------------------------------------------
    def _placed(self) -> Node:
        """The node, on a device: constants that were given one move there now."""
        storage = self._shows.storage
        if storage.device is not None and storage.node.device is None:
            moved = Node(Op.COPY, storage.node.dtype, (storage.node,), storage.device)
            storage.show(moved)
        return self.node

    def _settle(self) -> None:
        """Stand on memory where it holds what is shown, so that what it was made of may go.

        What a gradient needs stays.
        """
        import engine.realize as driver

        storage, shows = self._shows.storage, self._shows
        storage.show(driver.settled(storage.node))
        if isinstance(shows, View):
            shows.settle(driver.settled(shows.node))

    def _read(self) -> tuple[bytes, tuple[int, ...]]:
        import engine.realize as driver  # the whole compiler, which only reading needs

        node = self._placed()
        data, shape = driver.read(node), driver.concrete_shape(node)
        self._settle()
        return data, shape

    def tobytes(self) -> bytes:
        """The elements as row-major bytes, little-endian, bool as one byte."""
        return self._read()[0]


Operand = TensorBase | Scalar


def checked_operand(op: str, value: object) -> Operand:
    """`value` if it can be an operand: a Tensor or a Python number. TypeError otherwise."""
    if isinstance(value, TensorBase | bool | int | float):
        return value
    kind = type(value).__name__
    raise TypeError(f"{op}: an operand is a tensor or a number, not {kind}; wrap it in Tensor(…)")


def common_device(op: str, operands: Iterable[object]) -> str | None:
    """The one device of all tensors among the operands; RuntimeError if there are two."""
    found: str | None = None
    for operand in operands:
        device = operand._device if isinstance(operand, TensorBase) else None
        if found and device and found != device:
            raise RuntimeError(
                f"{op}: operands on {found} and {device}; move one of them with .to({found!r})"
            )
        found = found or device
    return found


def checked_dtype(op: str, dtype: DType | str) -> DType:
    """The row of a dtype that tensors may have; TypeError for index and vectors."""
    row = dtypes.as_dtype(dtype)
    if row not in dtypes.TENSOR_DTYPES:
        names = ", ".join(d.name for d in dtypes.TENSOR_DTYPES)
        raise TypeError(f"{op}: tensors have no dtype {row}; the dtypes are {names}")
    return row
