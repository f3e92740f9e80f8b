"""The class Tensor: a lazy value. Methods build the graph; only reading computes.

Assembled from one part per noun, each in a file of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from engine import storage
from engine.backends import registry
from engine.dtypes import DType, Scalar
from engine.graph import Node
from engine.ops import Op
from engine.storage import Storage
from engine.tensor import host
from engine.tensor.activations import Activations
from engine.tensor.assignment import Assignment
from engine.tensor.base import TensorBase, checked_dtype
from engine.tensor.casts import Casts
from engine.tensor.choices import Choices
from engine.tensor.creation import Creation, constant, from_data
from engine.tensor.custom import Custom
from engine.tensor.draws import Draws
from engine.tensor.elementwise import Elementwise
from engine.tensor.functions import Functions
from engine.tensor.gradient.methods import Differentiable
from engine.tensor.joining import Joining
from engine.tensor.linalg import Linalg
from engine.tensor.movement import Movement
from engine.tensor.neural import Neural
from engine.tensor.padding import Padding
from engine.tensor.predicates import Predicates
from engine.tensor.rearrange import Rearrange
from engine.tensor.reduce import Reduce
from engine.tensor.rounding import Rounding
from engine.tensor.scan import Scans
from engine.tensor.scatter import Scatter
from engine.tensor.selection import Selection
from engine.tensor.softmax import Softmax
from engine.tensor.sort import Sorting
from engine.tensor.statistics import Statistics
from engine.tensor.variable import show, value_of
from engine.tensor.windows import Windows

if TYPE_CHECKING:
    import numpy as np

Data = TensorBase | Scalar | list[Any] | tuple[Any, ...] | bytes | bytearray | memoryview


class Tensor(
    Creation,
    Rounding,
    Predicates,
    Activations,
    Choices,
    Neural,
    Elementwise,
    Functions,
    Casts,
    Movement,
    Joining,
    Padding,
    Windows,
    Rearrange,
    Reduce,
    Statistics,
    Scans,
    Softmax,
    Sorting,
    Scatter,
    Assignment,
    Selection,
    Linalg,
    Draws,
    Custom,
    Differentiable,
):
    """An n-dimensional array of one dtype on one device, computed when it is read.

    `data`: a Python number, nested lists of them, a numpy array (copied), bytes (uint8, or items
    of `dtype`, on one axis), or a Tensor. Numbers are rounded once to `dtype`; without it, floats
    give float32, ints int32 and bools bool. A number alone is a constant, which goes wherever it is
    used. `device` None is the default device.
    """

    def __init__(
        self, data: Data | Any, device: str | None = None, dtype: DType | str | None = None
    ) -> None:
        row = None if dtype is None else checked_dtype("Tensor", dtype)
        chosen = device and registry.canonical(device)
        if isinstance(data, TensorBase):
            source = Tensor._wrap(data.node, data._device)
            source = source if row is None else source.cast(row)
            source = source if chosen is None else source.to(chosen)
            self._shows = source._shows
        elif isinstance(data, bool | int | float) and not host.is_array(data):
            self._shows = Storage(constant("Tensor", data, row), chosen)
        else:
            memory = chosen or registry.canonical(None)
            self._shows = Storage(from_data(data, row, memory), memory)

    @classmethod
    def from_bytes(
        cls,
        data: bytes | bytearray | memoryview,
        dtype: DType | str,
        shape: tuple[int, ...],
        device: str | None = None,
    ) -> Self:
        """A tensor of `shape` from its row-major bytes, bool as one byte that is zero or not."""
        row, name = checked_dtype("from_bytes", dtype), registry.canonical(device)
        raw, shape = host.checked_bytes(data, row, tuple(shape))
        return cls._wrap(storage.from_host(raw, row, shape, name), name)

    @classmethod
    def from_node(cls, node: Node) -> Self:
        """A tensor for a node of the graph."""
        return cls._wrap(node, node.device)

    def __repr__(self) -> str:
        """Dtype, shape and device. Never computes."""
        return f"<Tensor {self.dtype} {show(self.shape)} on {self.device}>"

    # -- places ------------------------------------------------------------------------------------
    def to(self, device: str | None) -> Self:
        """The tensor on a device; itself if it is there. None is the default device."""
        target = registry.canonical(device)
        if target == self._device:
            return self
        if self._device is None:
            return self._wrap(self.node, target)
        return self._wrap(Node(Op.COPY, self.dtype, (self.node,), target), target)

    def to_(self, device: str | None) -> Self:
        """This tensor, from now on, on a device. None is the default device."""
        return self._become(self.to(device))

    def replace(self, x: TensorBase) -> Self:
        """This tensor, from now on, what `x` is, with its storage. ValueError for another shape.

        Nothing is written: views of what this tensor was keep showing that. Where it asked for its
        gradient it does so again, of what is made of it from now on.
        """
        if self.shape != x.shape:
            raise ValueError(f"replace: {show(self.shape)} is not the shape {show(x.shape)}")
        return self._become(x)

    def contiguous(self) -> Self:
        """The same values in memory of their own, in row-major order."""
        return self._like(Node(Op.CONTIGUOUS, self.dtype, (self.node,)))

    def clone(self, device: str | None = None) -> Self:
        """A copy, here or on another device."""
        return self.contiguous() if device is None else self.to(device).contiguous()

    # -- reading -----------------------------------------------------------------------------------
    def realize(self, *others: Tensor) -> Self:
        """Compute this tensor, and others with it, now; reading is cheap afterwards."""
        import engine.realize as driver  # the whole compiler, which only reading needs

        tensors: tuple[Tensor, ...] = (self, *others)
        driver.realize([tensor._placed() for tensor in tensors])
        for tensor in tensors:
            tensor._settle()
        return self

    def data(self) -> memoryview:
        """`tobytes` as a memoryview."""
        return memoryview(self.tobytes())

    def numpy(self) -> np.ndarray[Any, Any]:
        """A numpy array of its own with the values."""
        data, shape = self._read()
        return host.to_array(data, self.dtype, shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """What `np.asarray` takes. ValueError if numpy asks for memory that is not copied."""
        if copy is False:
            raise ValueError("a Tensor gives numpy a copy; np.asarray(tensor) makes one")
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def tolist(self) -> Any:
        """Python numbers in nested lists; one number for shape ()."""
        data, shape = self._read()
        return host.to_list(data, self.dtype, shape)

    def item(self) -> Scalar:
        """The only element as a Python number. ValueError if there is not exactly one."""
        if self.numel() != 1:
            raise ValueError(f"item: a tensor of shape {show(self.shape)} is not one element")
        value: Scalar = host.to_list(self.tobytes(), self.dtype, ())
        return value

    def __bool__(self) -> bool:
        """The truth of the only element. ValueError if there is not exactly one."""
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def nbytes(self) -> int:
        """Bytes of all elements in memory, under the bindings of symbolic sizes."""
        return value_of(self.numel()) * self.element_size()
