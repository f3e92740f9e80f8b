"""Backends with one planted fault each: the interpreter of the PYTHON device, made wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from engine import dtypes
from engine.backends import registry
from engine.backends.base import Program
from engine.backends.python import PythonBackend, _Interpreted
from engine.interpret.kernels import _Execution, _Loop, _nested
from engine.linear import Instruction, LinearKernel
from engine.ops import Op
from engine.target import Target

Array = np.ndarray[Any, Any]
SMALL_INTEGERS = (dtypes.int8, dtypes.int16, dtypes.uint8, dtypes.uint16)


class Execution(_Execution):
    """One run of a kernel; faults override what they change."""

    def operands(self, item: Instruction) -> list[Array]:
        return [self.read(register) for register in item.src]


class OneUlp(Execution):
    """A quotient in eight comes out one unit too large."""

    def elementwise(self, item: Instruction) -> Array:
        result = super().elementwise(item)
        if item.op is not Op.DIV or item.dtype is not dtypes.float32:
            return result
        bits = np.ascontiguousarray(result).view(np.uint32).copy()
        finite = (bits & 0x7F800000) != 0x7F800000
        bits[finite & (bits % 8 == 3)] += 1
        return bits.view(np.float32).reshape(result.shape)


class MaximumDropsNan(Execution):
    """The last branch of maximum, which gives NaN when nothing compares, gives a number."""

    def elementwise(self, item: Instruction) -> Array:
        result = super().elementwise(item)
        if item.op is not Op.WHERE or not item.dtype.is_float:
            return result
        _, x, y = (self.read(register) for register in item.src)
        return x + np.zeros_like(result) if np.isnan(y).all() else result


class Saturates(Execution):
    """Sums of small integers stop at the end of the range."""

    def elementwise(self, item: Instruction) -> Array:
        if item.op is not Op.ADD or item.dtype not in SMALL_INTEGERS:
            return super().elementwise(item)
        x, y = (operand.astype(np.int64) for operand in self.operands(item))
        return np.asarray(np.clip(x + y, item.dtype.min, item.dtype.max).astype(item.dtype.name))


class FlushesSubnormals(Execution):
    """Products below the smallest normal are zero."""

    def elementwise(self, item: Instruction) -> Array:
        result = super().elementwise(item)
        if item.op is not Op.MUL or not item.dtype.is_float:
            return result
        tiny = np.finfo(result.dtype).tiny
        return np.where(np.abs(result) < tiny, np.copysign(result.dtype.type(0), result), result)


class Contracts(Execution):
    """A product that is added is not rounded."""

    def elementwise(self, item: Instruction) -> Array:
        result = super().elementwise(item)
        products: dict[int, Array] = self.__dict__.setdefault("products", {})
        if item.dtype is not dtypes.float32:
            return result
        with np.errstate(all="ignore"):
            if item.op is Op.MUL:
                x, y = self.operands(item)
                products[item.out] = x.astype(np.float64) * y.astype(np.float64)
            elif item.op is Op.ADD and item.src[1] in products:
                total = self.read(item.src[0]).astype(np.float64)
                result = (total + self.aligned(products[item.src[1]])).astype(np.float32)
        return result


class Reverses(Execution):
    """Loops that carry a value run backwards: another order of accumulation."""

    def sequence(self, loop: _Loop) -> None:
        count, ends = self.limits(loop)
        if ends is not None or len(loop.end.src) == 1:
            super().sequence(loop)
            return
        shape = (1,) * (len(self.sizes) + 1)
        pairs = list(zip(loop.end.src[1::2], loop.end.src[2::2], strict=True))
        for i in reversed(range(count)):
            self.registers[loop.start.out] = np.full(shape, i, loop.start.dtype.name)
            self.block(loop.body)
            values = [self.read(new) for _, new in pairs]
            self.registers.update(zip((old for old, _ in pairs), values))


def keeps_everything(kernel: LinearKernel, written: Sequence[Array]) -> None:
    """Results as they are."""


def loses_negative_zero(kernel: LinearKernel, written: Sequence[Array]) -> None:
    """Stores write +0 for -0."""
    for array in written:
        if array.dtype.kind == "f":
            array[array == 0] = 0.0


def skips_nothing(kernel: LinearKernel) -> bool:
    return False


def skips_xor(kernel: LinearKernel) -> bool:
    """Kernels with an exclusive or are not launched at all."""
    return any(item.op is Op.XOR for item in kernel.instructions)


class Faulty(_Interpreted):
    """A kernel on the faulty interpreter."""

    def __init__(
        self,
        kernel: LinearKernel,
        execution: type[Execution],
        after: Callable[[LinearKernel, Sequence[Array]], None],
        skips: Callable[[LinearKernel], bool],
    ) -> None:
        super().__init__(kernel)
        self.execution, self.after, self.skips = execution, after, skips

    def __call__(self, buffers: Sequence[Any], variables: Sequence[int]) -> None:
        if self.skips(self.kernel):
            return
        arrays = self.views(buffers)
        block, _ = _nested(self.kernel.instructions, 0)
        with np.errstate(all="ignore"):
            self.execution(self.kernel, arrays, variables, None).block(block)
        written = [a for a, p in zip(arrays, self.kernel.parameters) if p.written]
        for array in written:
            array.flags.writeable = True
        self.after(self.kernel, written)


Skips = Callable[[LinearKernel], bool]


@contextmanager
def planted(
    name: str,
    execution: type[Execution] = Execution,
    after: Callable[[LinearKernel, Sequence[Array]], None] = keeps_everything,
    skips: Skips = skips_nothing,
) -> Iterator[str]:
    """A device of that name with the fault, as long as the block lasts."""

    class Backend(PythonBackend):
        target = Target(name=name)

        def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
            return [Faulty(kernel, execution, after, skips) for kernel in kernels]

    registry.register(name, Backend)
    try:
        yield name
    finally:
        registry.unregister(name)
