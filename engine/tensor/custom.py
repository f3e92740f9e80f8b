"""Kernels of a user's own between the operations of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

from engine import custom
from engine.graph import Node
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.variable import show


class Custom(TensorBase):
    """Foreign programs, which say what they read and write."""

    def custom_kernel(
        self, *lst: TensorBase, fxn: Callable[..., Node | Iterable[Node]]
    ) -> list[Self]:
        """This tensor and others after a kernel that `fxn` writes; see `engine.custom`.

        `fxn` gets a `Memory` for each tensor, in order, and returns a WRITE or several. The result
        has, for each tensor that the kernel writes, what it holds then: elements that are
        not written keep their value. Tensors that are only read come back as they are; nothing
        that is passed in changes. ValueError for symbolic shapes, for tensors that are read and
        written, for empty ones, and for accesses that may leave a tensor; RuntimeError for several
        devices.
        """
        tensors: tuple[TensorBase, ...] = (self, *lst)
        device = common_device("custom_kernel", tensors)
        rows = []
        for tensor in tensors:
            sizes = tuple(size for size in tensor.shape if isinstance(size, int))
            if len(sizes) < tensor.ndim:
                raise ValueError(f"custom_kernel: the shape {show(tensor.shape)} is symbolic")
            if 0 in sizes:
                raise ValueError(f"custom_kernel: a tensor of shape {sizes} has no elements")
            rows.append((tensor.dtype, sizes))
        sink = custom.written_by(fxn(*custom.memories(rows)))
        read, written = custom.declared(sink)
        given = [views.expand(tensor.node, tensor.shape) for tensor in tensors]
        results = []
        for slot, tensor in enumerate(tensors):
            if slot in written:
                text = custom.text_for(sink, slot, read)
                src = (given[slot], *(given[k] for k in read))
                results.append(self._wrap(Node(Op.CUSTOM, tensor.dtype, src, text), device))
            else:
                results.append(self._wrap(tensor.node, tensor._device))
        return results
