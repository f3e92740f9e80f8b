"""What a device can do, as data: the optimizer reads the limits, the decomposer the rest.

The setting EMULATE takes capabilities away from every device, so that decompositions run, and are
tested, on devices that would not need them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from engine import dtypes
from engine.context import text_setting
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
    grid: bool = False  # runs every round of a parallel loop by itself, whatever their number
    workgroup: int = 0  # invocations that may share memory and wait for each other; 0: none may
    max_buffers: int = 64  # of one kernel; one counts for every `buffer_bytes` that it has
    buffer_bytes: int = 0  # 0: it counts once, whatever its size
    max_operations: int = 256  # elementwise operations fused into one kernel
    max_unroll: int = 2048  # instructions that unrolling may yield
    store_granularity: int = 1
    narrow_index: bool = True  # whether 32-bit addresses are the faster ones
    features: tuple[str, ...] = field(default=())  # of the processor: part of the cache key


# -- less than there is ----------------------------------------------------------------------------
# Machine operations that EMULATE may take away.
TAKEN: dict[str, frozenset[Operation]] = {
    "no_div": frozenset({Op.IDIV, Op.IREM}),
    "no_shift": frozenset({Op.SHL, Op.SHR}),
    "no_where": frozenset({Op.WHERE}),
    "no_not": frozenset({Op.NOT}),
    "no_float_div": frozenset({Op.DIV}),
    "no_sqrt": frozenset({Op.SQRT}),
}
_WORDS = frozenset({dtypes.bool_, dtypes.int32, dtypes.uint32})

# What EMULATE may name instead of single capabilities: devices like these.
TEST_TARGETS: dict[str, Target] = {row.name: row for row in (
    # WebGPU Shading Language: memory in words of 32 bits, no 64-bit types, and division and roots
    # of floats that need not be correctly rounded.
    Target(
        "like_wgsl",
        arithmetic=_WORDS | {dtypes.float32},
        storage=(_WORDS | {dtypes.float32}) - {dtypes.bool_},
        ops=HOST_OPS - {Op.DIV, Op.SQRT},
        store_granularity=4,
    ),
    # Nothing but 32-bit integers: float32 is made of them too.
    Target(
        "only_words",
        arithmetic=_WORDS,
        storage=_WORDS - {dtypes.bool_},
        store_granularity=4,
    ),
)}  # fmt: skip


def effective(target: Target) -> Target:
    """What is left of a device's target under the setting EMULATE, the target itself without it.

    The setting is a list, separated by commas, of dtypes (which lose storage and arithmetic), of
    keys of TAKEN (which lose operations) and of TEST_TARGETS (of whose capabilities no more is
    left than they have). The two 64-bit integers go together: their operations mix. ValueError for
    anything else.
    """
    text = text_setting("EMULATE")
    return _without(target, text) if text else target


@cache
def _without(target: Target, text: str) -> Target:
    for name in (part.strip() for part in text.split(",")):
        if name in TAKEN:
            target = replace(target, ops=target.ops - TAKEN[name])
        elif name in TEST_TARGETS:
            target = _both(target, TEST_TARGETS[name])
        elif name in _taken_dtypes():
            target = _lacking(target, dtypes.as_dtype(name))
        elif name:
            known = ", ".join((*_taken_dtypes(), *TAKEN, *TEST_TARGETS))
            raise ValueError(f"EMULATE: {name!r} cannot be taken away; these can: {known}")
    narrow = target.narrow_index or dtypes.int64 not in target.arithmetic
    return replace(target, narrow_index=narrow)


def _taken_dtypes() -> list[str]:
    """All but the words that everything else is made of."""
    return [row.name for row in dtypes.TENSOR_DTYPES if row not in _WORDS]


def _lacking(target: Target, dtype: DType) -> Target:
    lost = {dtype, dtype.signed, dtype.unsigned} if dtype.is_int and dtype.bits == 64 else {dtype}
    return replace(
        target, arithmetic=target.arithmetic - lost, storage=target.storage - lost
    )


def _both(target: Target, other: Target) -> Target:
    """The capabilities that both have, the limits of the first."""
    return replace(
        target,
        arithmetic=target.arithmetic & other.arithmetic,
        storage=target.storage & other.storage,
        ops=target.ops & other.ops,
        store_granularity=max(target.store_granularity, other.store_granularity),
    )
