"""What a device can do, as data: the optimizer reads the limits, the decomposer the rest."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import dtypes
from engine.dtypes import DType
from engine.ops import Op, Operation

HOST_OPS = frozenset({
    Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.SQRT, Op.AND, Op.OR, Op.XOR, Op.NOT, Op.SHL, Op.SHR,
    Op.IDIV, Op.IREM, Op.CONVERT, Op.BITCAST, Op.WHERE, Op.LT, Op.EQ, Op.NE, Op.OPAQUE,
})  # fmt: skip
HOST_DTYPES = frozenset({
    dtypes.bool_, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8,
    dtypes.uint16, dtypes.uint32, dtypes.uint64, dtypes.float32, dtypes.float64,
})  # fmt: skip


@dataclass(frozen=True)
class Target:
    """Capabilities of one kind of device.

    `arithmetic`: dtypes it computes with; `storage`: dtypes it loads and stores as they are; `ops`:
    machine operations it has on them; `store_granularity`: bytes that one thread must own when it
    stores. Limits are hard: a kernel that exceeds one is cut before it is made.
    """

    name: str
    arithmetic: frozenset[DType] = HOST_DTYPES
    storage: frozenset[DType] = HOST_DTYPES - {dtypes.bool_}
    ops: frozenset[Operation] = HOST_OPS
    vector_bytes: int = 0  # width of a vector register; 0: kernels stay scalar
    vector_registers: int = 0
    threads: int = 1
    max_buffers: int = 64  # of one kernel
    max_operations: int = 256  # elementwise operations fused into one kernel
    max_unroll: int = 2048  # instructions that unrolling may yield
    store_granularity: int = 1
    narrow_index: bool = True  # whether 32-bit addresses are the faster ones
    features: tuple[str, ...] = field(default=())  # of the processor: part of the cache key
