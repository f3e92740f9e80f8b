"""The vocabulary of the IR: one row per operation.

A row states the operation's group and how many operands it takes; typing lives in `spec.py`,
meaning in `interpret/`. Three groups share one graph type: tensor operations (have a shape), kernel
operations (loops, memory, vectors) and elementwise arithmetic, which both levels use.
"""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    LEAF = "leaf"
    MOVEMENT = "movement"
    TENSOR = "tensor"
    MARKER = "marker"        # shows its first operand; gone before a program is scheduled
    COMPUTE = "compute"      # yields numbers: a NaN it computes is not canonical yet
    MOVE_BITS = "move bits"  # yields the bits of its operands
    TEST = "test"            # yields bool
    MACHINE = "machine"      # arithmetic with a precondition; only decompositions make it
    KERNEL = "kernel"
    VECTOR = "vector"
    LINEAR = "linear"


class Operation:
    """One row: `group`, `arity` (None: any number), and `name`, which is that in `Op`."""

    __slots__ = ("arity", "group", "name")
    name: str

    def __init__(self, group: Group, arity: int | None) -> None:
        self.group, self.arity = group, arity

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class Op:
    """Operations. `x`, `y` are operands in order; `arg` is the static attribute of the node.

    No Enum: passes look members up millions of times, and those of a plain class come four times
    as fast.
    """

    # leaves
    BUFFER = Operation(Group.LEAF, 0)   # arg (number, size, device): memory that holds `size` items
    CONST = Operation(Group.LEAF, 0)    # arg bits
    TABLE = Operation(Group.LEAF, 0)    # arg tuple of bits: constants in memory, shape (n,)
    IOTA = Operation(Group.LEAF, 0)     # arg n: 0, 1 … n-1, shape (n,)
    VARIABLE = Operation(Group.LEAF, 0)  # arg (name, low, high), bounds inclusive
    BIND = Operation(Group.TENSOR, 2)   # VARIABLE, CONST: the value of a variable in this program

    # views of one tensor; sizes that are symbolic are None in arg and follow in src
    RESHAPE = Operation(Group.MOVEMENT, None)  # arg shape
    PERMUTE = Operation(Group.MOVEMENT, 1)  # arg order: result axis i is operand axis order[i]
    EXPAND = Operation(Group.MOVEMENT, None)  # arg shape: axes of size 1 repeat
    PAD = Operation(Group.MOVEMENT, None)   # x, scalar; arg ((before, after), …)
    SHRINK = Operation(Group.MOVEMENT, None)  # arg ((offset, size), …)
    FLIP = Operation(Group.MOVEMENT, 1)     # arg axes
    # arg (shape, ((offset, (factor, …)), …)): the place on each axis of x is offset + a sum of the
    # result's coordinates times their factors
    AFFINE = Operation(Group.MOVEMENT, 1)

    # other tensor operations
    # arg (op name, axes, (lanes, rows) or None); axes stay, as 1
    REDUCE = Operation(Group.TENSOR, 1)
    PARTIAL = Operation(Group.TENSOR, 1)  # arg (op name, (lanes, rows)): last axis -> its blocks
    GATHER = Operation(Group.TENSOR, 2)  # x, index; arg axis: beyond the end reads 0, -1 is last
    COPY = Operation(Group.TENSOR, 1)   # arg device
    CONTIGUOUS = Operation(Group.TENSOR, 1)  # x in memory of its own
    CAT = Operation(Group.TENSOR, None)  # arg axis: one behind the other
    SCAN = Operation(Group.TENSOR, 1)   # arg op name: last axis, each element with those before it
    MERGE = Operation(Group.TENSOR, 1)  # arg n: last axis, sorted runs of n uint64 double
    # x, index, value; arg (axis, op name or None): element i along the axis goes to, or is combined
    # with, the place on x's axis that the index names; one after another; beyond the end: nowhere
    SCATTER = Operation(Group.TENSOR, 3)
    # version, tensors read; arg a kernel as text: see custom.py
    CUSTOM = Operation(Group.TENSOR, None)
    # version, value; arg (offset, strides): the next version, with the elements of the value at
    # offset + sum of position * stride in row-major memory
    STORE = Operation(Group.TENSOR, None)
    AFTER = Operation(Group.TENSOR, None)  # x, then what must have happened before x is read

    # what gradients read and no program computes
    LEAF = Operation(Group.MARKER, 1)   # arg number: where gradients end, apart from equal tensors
    DETACH = Operation(Group.MARKER, 1)  # no gradient flows to x
    SURROGATE = Operation(Group.MARKER, 2)  # x, model: x, with the gradient of the model
    CONTIGUOUS_BACKWARD = Operation(Group.MARKER, 1)  # x, whose gradient gets memory of its own
    # x, what else it stands for; arg (why, n): has n gradients, and asking for another one raises
    REFUSE = Operation(Group.MARKER, None)

    # elementwise, on numbers
    ADD = Operation(Group.COMPUTE, 2)
    SUB = Operation(Group.COMPUTE, 2)
    MUL = Operation(Group.COMPUTE, 2)
    DIV = Operation(Group.COMPUTE, 2)   # floats only
    # integers: x // 0 = 0, MIN // -1 = MIN; floats: exact floor
    FLOORDIV = Operation(Group.COMPUTE, 2)
    FLOORMOD = Operation(Group.COMPUTE, 2)  # sign of y; integers: x % 0 = 0
    MAXIMUM = Operation(Group.COMPUTE, 2)  # NaN wins, +0 > -0
    MINIMUM = Operation(Group.COMPUTE, 2)
    SQRT = Operation(Group.COMPUTE, 1)
    FMOD = Operation(Group.COMPUTE, 2)  # exact; sign of x; integers: x fmod 0 = 0
    TRUNC = Operation(Group.COMPUTE, 1)  # floats, as the three below: -0 and the sign of 0 are kept
    FLOOR = Operation(Group.COMPUTE, 1)
    CEIL = Operation(Group.COMPUTE, 1)
    ROUND = Operation(Group.COMPUTE, 1)  # halves to even
    POW = Operation(Group.COMPUTE, 2)   # integers: modulo 2**n; floats: C Annex F
    RSQRT = Operation(Group.COMPUTE, 1)  # from here on: functions of one float
    EXP = Operation(Group.COMPUTE, 1)
    EXP2 = Operation(Group.COMPUTE, 1)
    EXPM1 = Operation(Group.COMPUTE, 1)
    LOG = Operation(Group.COMPUTE, 1)
    LOG2 = Operation(Group.COMPUTE, 1)
    LOG10 = Operation(Group.COMPUTE, 1)
    LOG1P = Operation(Group.COMPUTE, 1)
    SIN = Operation(Group.COMPUTE, 1)
    COS = Operation(Group.COMPUTE, 1)
    TAN = Operation(Group.COMPUTE, 1)
    ASIN = Operation(Group.COMPUTE, 1)
    ACOS = Operation(Group.COMPUTE, 1)
    ATAN = Operation(Group.COMPUTE, 1)
    SINH = Operation(Group.COMPUTE, 1)
    COSH = Operation(Group.COMPUTE, 1)
    TANH = Operation(Group.COMPUTE, 1)
    ASINH = Operation(Group.COMPUTE, 1)
    ACOSH = Operation(Group.COMPUTE, 1)
    ATANH = Operation(Group.COMPUTE, 1)
    ERF = Operation(Group.COMPUTE, 1)
    SIGMOID = Operation(Group.COMPUTE, 1)  # 1 / (1 + exp(-x))
    CAST = Operation(Group.COMPUTE, 1)  # one rounding, saturating, NaN -> 0
    CANON = Operation(Group.COMPUTE, 1)  # any NaN becomes the canonical one

    # elementwise, on bits
    NEG = Operation(Group.MOVE_BITS, 1)  # floats flip the sign bit, integers wrap
    ABS = Operation(Group.MOVE_BITS, 1)
    AND = Operation(Group.MOVE_BITS, 2)
    OR = Operation(Group.MOVE_BITS, 2)
    XOR = Operation(Group.MOVE_BITS, 2)
    NOT = Operation(Group.MOVE_BITS, 1)
    # counts below 0 or from the width on shift everything out
    LSHIFT = Operation(Group.MOVE_BITS, 2)
    RSHIFT = Operation(Group.MOVE_BITS, 2)
    WHERE = Operation(Group.MOVE_BITS, 3)  # condition, x, y
    BITCAST = Operation(Group.MOVE_BITS, 1)
    OPAQUE = Operation(Group.MOVE_BITS, 1)  # x; no rule looks through it

    # elementwise, yielding bool
    LT = Operation(Group.TEST, 2)
    EQ = Operation(Group.TEST, 2)
    NE = Operation(Group.TEST, 2)

    # arithmetic that devices have; the precondition is checked by the interpreter
    SHL = Operation(Group.MACHINE, 2)   # 0 <= y < width
    SHR = Operation(Group.MACHINE, 2)   # 0 <= y < width; arithmetic on signed, logical on unsigned
    IDIV = Operation(Group.MACHINE, 2)  # truncates; y != 0 and the quotient fits
    IREM = Operation(Group.MACHINE, 2)  # sign of x; y != 0 and the quotient fits
    CONVERT = Operation(Group.MACHINE, 1)  # float -> int: in range; int -> float: one rounding

    # kernels
    SINK = Operation(Group.KERNEL, None)  # writes
    PARAM = Operation(Group.KERNEL, 0)  # arg (slot, size): a buffer of the launch
    RANGE = Operation(Group.KERNEL, 1)  # end; arg (path, kind): a loop variable 0 … end-1
    LOAD = Operation(Group.KERNEL, None)  # memory, index[, gate]: 0 where the gate is false
    WRITE = Operation(Group.KERNEL, None)  # memory, index, value[, gate]
    FOLD = Operation(Group.KERNEL, None)  # range, k initial values, k updates: a loop that carries
    CARRY = Operation(Group.KERNEL, 1)  # range; arg i: value i of the loop's fold before this round
    PICK = Operation(Group.KERNEL, 1)   # fold; arg i: value i after the last round
    TREE = Operation(Group.KERNEL, 2)   # range, x; arg op name: combine the lanes by halving
    SHUFFLE = Operation(Group.KERNEL, 3)  # range, number, x: x in the round `number` of a workgroup
    FUNCTION = Operation(Group.KERNEL, None)  # result, formals; arg name: a subroutine
    FORMAL = Operation(Group.KERNEL, 0)  # arg (name, number): the operand of that number
    CALL = Operation(Group.KERNEL, None)  # function, operands: its result for these

    # vectors
    BROADCAST = Operation(Group.VECTOR, 1)  # the same scalar in every lane
    SLICE = Operation(Group.VECTOR, 1)  # arg first lane; as many as the dtype has
    LANES = Operation(Group.VECTOR, 0)  # 0, 1 … lanes-1

    # instructions that only lists have
    LOOP = Operation(Group.LINEAR, 1)   # end; arg (path, kind)
    END = Operation(Group.LINEAR, None)  # loop, then pairs of carried value and its update
    ARGUMENT = Operation(Group.LINEAR, 0)  # arg slot: the value of a variable at launch
    SHARED = Operation(Group.LINEAR, 0)  # arg size: memory of a workgroup
    BARRIER = Operation(Group.LINEAR, 0)  # the invocations of a workgroup wait for each other


OPERATIONS = {name: row for name, row in vars(Op).items() if isinstance(row, Operation)}


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
    op for op in OPERATIONS.values()
    if op.group in (Group.COMPUTE, Group.MOVE_BITS, Group.TEST, Group.MACHINE)
)
ROUNDINGS = frozenset({Op.TRUNC, Op.FLOOR, Op.CEIL, Op.ROUND})
FUNCTIONS = frozenset({
    Op.RSQRT, Op.EXP, Op.EXP2, Op.EXPM1, Op.LOG, Op.LOG2, Op.LOG10, Op.LOG1P, Op.SIN, Op.COS,
    Op.TAN, Op.ASIN, Op.ACOS, Op.ATAN, Op.SINH, Op.COSH, Op.TANH, Op.ASINH, Op.ACOSH, Op.ATANH,
    Op.ERF, Op.SIGMOID,
})  # of one float; a float POW is one of two
COMMUTATIVE = frozenset({Op.ADD, Op.MUL, Op.AND, Op.OR, Op.XOR, Op.EQ, Op.NE})
MOVEMENT = frozenset(op for op in OPERATIONS.values() if op.group is Group.MOVEMENT)
MARKERS = frozenset(op for op in OPERATIONS.values() if op.group is Group.MARKER)
STORAGE_VIEWS = MOVEMENT - {Op.PAD}  # show elements of one storage and no others
FUSED_VIEWS = MOVEMENT | {Op.AFTER}  # never a kernel of their own: users look through them
