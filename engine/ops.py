"""The vocabulary of the IR: one row per operation.

A row states the operation's group and how many operands it takes; typing lives in `spec.py`,
meaning in `interpret/`. Three groups share one graph type: tensor operations (have a shape), kernel
operations (loops, memory, vectors) and elementwise arithmetic, which both levels use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Group(StrEnum):
    LEAF = "leaf"
    MOVEMENT = "movement"
    TENSOR = "tensor"
    COMPUTE = "compute"      # yields numbers: a NaN it computes is not canonical yet
    MOVE_BITS = "move bits"  # yields the bits of its operands
    TEST = "test"            # yields bool
    MACHINE = "machine"      # arithmetic with a precondition; only decompositions make it
    KERNEL = "kernel"
    VECTOR = "vector"
    LINEAR = "linear"


@dataclass(frozen=True)
class OpRow:
    group: Group
    arity: int | None  # None: any number


class Op(Enum):
    """Operations. `x`, `y` are operands in order; `arg` is the static attribute of the node."""

    # leaves
    BUFFER = OpRow(Group.LEAF, 0)       # arg (number, size, device): memory that holds `size` items
    CONST = OpRow(Group.LEAF, 0)        # arg bits
    TABLE = OpRow(Group.LEAF, 0)        # arg tuple of bits: constants in memory, shape (n,)
    IOTA = OpRow(Group.LEAF, 0)         # arg n: 0, 1 … n-1, shape (n,)
    VARIABLE = OpRow(Group.LEAF, 0)     # arg (name, low, high), bounds inclusive
    BIND = OpRow(Group.TENSOR, 2)       # VARIABLE, CONST: the value of a variable in this program

    # views of one tensor; sizes that are symbolic are None in arg and follow in src
    RESHAPE = OpRow(Group.MOVEMENT, None)   # arg shape
    PERMUTE = OpRow(Group.MOVEMENT, 1)      # arg order: result axis i is operand axis order[i]
    EXPAND = OpRow(Group.MOVEMENT, None)    # arg shape: axes of size 1 repeat
    PAD = OpRow(Group.MOVEMENT, None)       # x, scalar; arg ((before, after), …)
    SHRINK = OpRow(Group.MOVEMENT, None)    # arg ((offset, size), …)
    FLIP = OpRow(Group.MOVEMENT, 1)         # arg axes
    # arg (shape, ((offset, (factor, …)), …)): the place on each axis of x is offset + a sum of the
    # result's coordinates times their factors
    AFFINE = OpRow(Group.MOVEMENT, 1)

    # other tensor operations
    REDUCE = OpRow(Group.TENSOR, 1)    # arg (op name, axes, (lanes, rows) or None); axes stay, as 1
    PARTIAL = OpRow(Group.TENSOR, 1)    # arg (op name, (lanes, rows)): last axis -> its blocks
    GATHER = OpRow(Group.TENSOR, 2)     # x, index; arg axis: beyond the end reads 0, -1 is last
    COPY = OpRow(Group.TENSOR, 1)       # arg device
    CONTIGUOUS = OpRow(Group.TENSOR, 1)  # x in memory of its own
    CAT = OpRow(Group.TENSOR, None)     # arg axis: one behind the other
    SCAN = OpRow(Group.TENSOR, 1)       # arg op name: last axis, each element with those before it
    MERGE = OpRow(Group.TENSOR, 1)      # arg n: last axis, sorted runs of n uint64 double
    # x, index, value; arg (axis, op name or None): element i along the axis goes to, or is combined
    # with, the place on x's axis that the index names; one after another; beyond the end: nowhere
    SCATTER = OpRow(Group.TENSOR, 3)
    CUSTOM = OpRow(Group.TENSOR, None)  # version, tensors read; arg a kernel as text: see custom.py
    STORE = OpRow(Group.TENSOR, None)   # version, value; arg ((offset, size), …): the next version
    AFTER = OpRow(Group.TENSOR, None)   # x, then what must have happened before x is read

    # elementwise, on numbers
    ADD = OpRow(Group.COMPUTE, 2)
    SUB = OpRow(Group.COMPUTE, 2)
    MUL = OpRow(Group.COMPUTE, 2)
    DIV = OpRow(Group.COMPUTE, 2)       # floats only
    FLOORDIV = OpRow(Group.COMPUTE, 2)  # integers: x // 0 = 0, MIN // -1 = MIN; floats: exact floor
    FLOORMOD = OpRow(Group.COMPUTE, 2)  # sign of y; integers: x % 0 = 0
    MAXIMUM = OpRow(Group.COMPUTE, 2)   # NaN wins, +0 > -0
    MINIMUM = OpRow(Group.COMPUTE, 2)
    SQRT = OpRow(Group.COMPUTE, 1)
    FMOD = OpRow(Group.COMPUTE, 2)      # exact; sign of x; integers: x fmod 0 = 0
    TRUNC = OpRow(Group.COMPUTE, 1)     # floats, as the three below: -0 and the sign of 0 are kept
    FLOOR = OpRow(Group.COMPUTE, 1)
    CEIL = OpRow(Group.COMPUTE, 1)
    ROUND = OpRow(Group.COMPUTE, 1)     # halves to even
    POW = OpRow(Group.COMPUTE, 2)       # integers: modulo 2**n; floats: C Annex F
    RSQRT = OpRow(Group.COMPUTE, 1)     # from here on: functions of one float
    EXP = OpRow(Group.COMPUTE, 1)
    EXP2 = OpRow(Group.COMPUTE, 1)
    EXPM1 = OpRow(Group.COMPUTE, 1)
    LOG = OpRow(Group.COMPUTE, 1)
    LOG2 = OpRow(Group.COMPUTE, 1)
    LOG10 = OpRow(Group.COMPUTE, 1)
    LOG1P = OpRow(Group.COMPUTE, 1)
    SIN = OpRow(Group.COMPUTE, 1)
    COS = OpRow(Group.COMPUTE, 1)
    TAN = OpRow(Group.COMPUTE, 1)
    ASIN = OpRow(Group.COMPUTE, 1)
    ACOS = OpRow(Group.COMPUTE, 1)
    ATAN = OpRow(Group.COMPUTE, 1)
    SINH = OpRow(Group.COMPUTE, 1)
    COSH = OpRow(Group.COMPUTE, 1)
    TANH = OpRow(Group.COMPUTE, 1)
    ASINH = OpRow(Group.COMPUTE, 1)
    ACOSH = OpRow(Group.COMPUTE, 1)
    ATANH = OpRow(Group.COMPUTE, 1)
    ERF = OpRow(Group.COMPUTE, 1)
    SIGMOID = OpRow(Group.COMPUTE, 1)   # 1 / (1 + exp(-x))
    CAST = OpRow(Group.COMPUTE, 1)      # one rounding, saturating, NaN -> 0
    CANON = OpRow(Group.COMPUTE, 1)     # any NaN becomes the canonical one

    # elementwise, on bits
    NEG = OpRow(Group.MOVE_BITS, 1)     # floats flip the sign bit, integers wrap
    ABS = OpRow(Group.MOVE_BITS, 1)
    AND = OpRow(Group.MOVE_BITS, 2)
    OR = OpRow(Group.MOVE_BITS, 2)
    XOR = OpRow(Group.MOVE_BITS, 2)
    NOT = OpRow(Group.MOVE_BITS, 1)
    LSHIFT = OpRow(Group.MOVE_BITS, 2)  # counts below 0 or from the width on shift everything out
    RSHIFT = OpRow(Group.MOVE_BITS, 2)
    WHERE = OpRow(Group.MOVE_BITS, 3)   # condition, x, y
    BITCAST = OpRow(Group.MOVE_BITS, 1)
    OPAQUE = OpRow(Group.MOVE_BITS, 1)  # x; no rule looks through it

    # elementwise, yielding bool
    LT = OpRow(Group.TEST, 2)
    EQ = OpRow(Group.TEST, 2)
    NE = OpRow(Group.TEST, 2)

    # arithmetic that devices have; the precondition is checked by the interpreter
    SHL = OpRow(Group.MACHINE, 2)       # 0 <= y < width
    SHR = OpRow(Group.MACHINE, 2)       # 0 <= y < width; arithmetic on signed, logical on unsigned
    IDIV = OpRow(Group.MACHINE, 2)      # truncates; y != 0 and the quotient fits
    IREM = OpRow(Group.MACHINE, 2)      # sign of x; y != 0 and the quotient fits
    CONVERT = OpRow(Group.MACHINE, 1)   # float -> int: in range; int -> float: one rounding

    # kernels
    SINK = OpRow(Group.KERNEL, None)    # writes
    PARAM = OpRow(Group.KERNEL, 0)      # arg (slot, size): a buffer of the launch
    RANGE = OpRow(Group.KERNEL, 1)      # end; arg (path, kind): a loop variable 0 … end-1
    LOAD = OpRow(Group.KERNEL, None)    # memory, index[, gate]: 0 where the gate is false
    WRITE = OpRow(Group.KERNEL, None)   # memory, index, value[, gate]
    FOLD = OpRow(Group.KERNEL, None)    # range, k initial values, k updates: a loop that carries
    CARRY = OpRow(Group.KERNEL, 1)      # range; arg i: value i of the loop's fold before this round
    PICK = OpRow(Group.KERNEL, 1)       # fold; arg i: value i after the last round
    TREE = OpRow(Group.KERNEL, 2)       # range, x; arg op name: combine the lanes by halving

    # vectors
    BROADCAST = OpRow(Group.VECTOR, 1)  # the same scalar in every lane
    SLICE = OpRow(Group.VECTOR, 1)      # arg first lane; as many as the dtype has
    LANES = OpRow(Group.VECTOR, 0)      # 0, 1 … lanes-1

    # instructions that only lists have
    LOOP = OpRow(Group.LINEAR, 1)       # end; arg (path, kind)
    END = OpRow(Group.LINEAR, None)     # loop, then pairs of carried value and its update
    ARGUMENT = OpRow(Group.LINEAR, 0)   # arg slot: the value of a variable at launch

    # Rows may be equal; members are distinct all the same.
    def __new__(cls, row: OpRow) -> Op:
        member = object.__new__(cls)
        member._value_ = len(cls.__members__)
        member.row = row
        return member

    row: OpRow

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__
    __hash__ = object.__hash__


class Axis(StrEnum):
    """What a loop is for. The first four are parallel: their rounds may run in any order."""

    GLOBAL = "global"        # across threads of a CPU, workgroups of a GPU
    WORKGROUP = "workgroup"  # across the threads of one workgroup
    LANE = "lane"            # across the lanes of a wave
    LOOP = "loop"            # one after another, in one thread
    VECTOR = "vector"        # lanes of vector registers; gone after expand
    UNROLL = "unroll"        # copies of the body; gone after expand
    REDUCE = "reduce"        # sequential: carries values


PARALLEL = frozenset({Axis.GLOBAL, Axis.WORKGROUP, Axis.LANE, Axis.LOOP})
ELEMENTWISE = frozenset(
    op for op in Op
    if op.row.group in (Group.COMPUTE, Group.MOVE_BITS, Group.TEST, Group.MACHINE)
)
ROUNDINGS = frozenset({Op.TRUNC, Op.FLOOR, Op.CEIL, Op.ROUND})
FUNCTIONS = frozenset({
    Op.RSQRT, Op.EXP, Op.EXP2, Op.EXPM1, Op.LOG, Op.LOG2, Op.LOG10, Op.LOG1P, Op.SIN, Op.COS,
    Op.TAN, Op.ASIN, Op.ACOS, Op.ATAN, Op.SINH, Op.COSH, Op.TANH, Op.ASINH, Op.ACOSH, Op.ATANH,
    Op.ERF, Op.SIGMOID,
})  # of one float; a float POW is one of two
COMMUTATIVE = frozenset({Op.ADD, Op.MUL, Op.AND, Op.OR, Op.XOR, Op.EQ, Op.NE})
MOVEMENT = frozenset(op for op in Op if op.row.group is Group.MOVEMENT)
STORAGE_VIEWS = MOVEMENT - {Op.PAD}  # show elements of one storage and no others
FUSED_VIEWS = MOVEMENT | {Op.AFTER}  # never a kernel of their own: users look through them
