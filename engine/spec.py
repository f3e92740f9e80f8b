"""What a valid graph is, level by level, checked after every pass.

Invariants:
- Operands and result of arithmetic have one dtype, lanes included; tests yield bool with as many
  lanes. A select's condition is bool.
- A constant is a scalar whose bits fit its dtype. Attributes hold ints, strings, None, tuples.
- On kernel levels there are no shapes: memory is PARAM or TABLE, positions are index arithmetic.
- LOOPS: as lowered. Any elementwise operation, any tensor dtype, scalars only.
- STORED: every PARAM has a dtype that the target can load and store; floats narrower than
  float32 are gone where the target lacks them.
- EXPANDED: no axis of kind vector or unroll and no TREE is left; values may have lanes.
- ADDRESSED: dtype index is gone.
- A function is its result and its operands, FORMAL nodes in order; its body reads nothing else. A
  call has one operand for each, of its dtype.
- MACHINE: only operations and dtypes that the target declares.

There is no row that accepts anything: an operation without a row is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum

from engine import dtypes
from engine.dtypes import NARROW_FLOATS
from engine.graph import Node, checked_attribute, order_of, toposort
from engine.ops import (
    ELEMENTWISE,
    FUNCTIONS,
    MARKERS,
    MOVEMENT,
    OPERATIONS,
    ROUNDINGS,
    Axis,
    Group,
    Op,
    Operation,
)
from engine.shapes import extent, places_differ, resolved, static
from engine.target import Target


class Level(IntEnum):
    TENSOR = 0
    LOOPS = 1
    STORED = 2
    EXPANDED = 3
    ADDRESSED = 4
    MACHINE = 5


class SpecError(ValueError):
    """A graph that breaks an invariant. Names the pass, the node and the invariant."""


Row = Callable[[Node], bool]


def _same_as_operands(node: Node) -> bool:
    return all(s.dtype is node.dtype for s in node.src)


def _numbers(node: Node) -> bool:
    return _same_as_operands(node) and node.dtype.kind != "bool"


def _floats(node: Node) -> bool:
    return _same_as_operands(node) and node.dtype.is_float


def _integers(node: Node) -> bool:
    return _same_as_operands(node) and node.dtype.kind in ("int", "uint", "index")


def _test(node: Node) -> bool:
    x, y = node.src
    return x.dtype is y.dtype and node.dtype is dtypes.bool_.vec(x.dtype.lanes)


def _logic(node: Node) -> bool:
    return _same_as_operands(node) and not node.dtype.is_float


def _where(node: Node) -> bool:
    condition, x, y = node.src
    lanes = node.dtype.lanes
    return condition.dtype is dtypes.bool_.vec(lanes) and x.dtype is y.dtype is node.dtype


def _convertible(node: Node) -> bool:
    return node.src[0].dtype.lanes == node.dtype.lanes


def _converted(node: Node) -> bool:
    """To bool there is a test against 0 instead."""
    return _convertible(node) and node.dtype.kind != "bool"


def _same_width(node: Node) -> bool:
    x = node.src[0].dtype
    return x.itemsize == node.dtype.itemsize and x.lanes == node.dtype.lanes


def _constant(node: Node) -> bool:
    if type(node.arg) is not int or node.dtype.lanes != 1:
        return False
    return node.dtype is dtypes.index or 0 <= node.arg < 1 << node.dtype.bits


def _memory(node: Node) -> bool:
    return node.op in (Op.PARAM, Op.TABLE)


def _position(node: Node) -> bool:
    return node.dtype.kind in ("index", "int")


def _gate(node: Node) -> bool:
    return node.dtype.kind == "bool"


def _load(node: Node) -> bool:
    memory, place, *gate = node.src
    return (
        _memory(memory) and _position(place) and all(map(_gate, gate)) and len(gate) <= 1
        and node.dtype.scalar is memory.dtype and place.dtype.lanes in (1, node.dtype.lanes)
    )


def _write(node: Node) -> bool:
    memory, place, value, *gate = node.src
    return (
        memory.op is Op.PARAM and _position(place) and all(map(_gate, gate)) and len(gate) <= 1
        and value.dtype.scalar is memory.dtype and place.dtype.lanes in (1, value.dtype.lanes)
    )


def _range(node: Node) -> bool:
    path, kind = node.arg
    return _position(node) and node.src[0].dtype is node.dtype and kind in set(Axis) and all(
        type(p) is int for p in path
    )


def _fold(node: Node) -> bool:
    count = node.arg
    starts, updates = node.src[1 : 1 + count], node.src[1 + count :]
    return node.src[0].op is Op.RANGE and len(updates) == count and all(
        a.dtype is b.dtype for a, b in zip(starts, updates, strict=True)
    )


def _carry(node: Node) -> bool:
    return node.src[0].op is Op.RANGE and type(node.arg) is int


def _pick(node: Node) -> bool:
    folded = node.src[0]
    return folded.op is Op.FOLD and folded.src[1 + node.arg].dtype is node.dtype


def _function(node: Node) -> bool:
    """A body that needs nothing but its operands, which are numbered in order."""
    result, *formals = node.src
    inside = toposort([result])
    return (
        result.dtype is node.dtype and type(node.arg) is str and node.arg.isidentifier()
        and all(f.op is Op.FORMAL and f.arg[1] == i for i, f in enumerate(formals))
        and {n for n in inside if n.op is Op.FORMAL} <= set(formals)
        and not any(n.op in (Op.CALL, Op.LOAD, Op.VARIABLE) for n in inside)
    )


def _formal(node: Node) -> bool:
    name, number = node.arg
    return type(name) is str and type(number) is int


def _call(node: Node) -> bool:
    function, *operands = node.src
    return function.op is Op.FUNCTION and function.dtype is node.dtype and (
        [x.dtype for x in operands] == [x.dtype for x in function.src[1:]]
    )


def _tree(node: Node) -> bool:
    """Sums and products of narrow floats are accumulated in float32, where targets have no others.
    """
    lane, value = node.src
    exact = node.arg in ("MAXIMUM", "MINIMUM") or node.dtype not in NARROW_FLOATS
    return lane.op is Op.RANGE and value.dtype is node.dtype and node.arg in OPERATIONS and exact


def _shuffle(node: Node) -> bool:
    """What a round of a workgroup's loop gets from another one."""
    loop, number, x = node.src
    return loop.op is Op.RANGE and loop.arg[1] == Axis.WORKGROUP and x.dtype is node.dtype and (
        number.dtype is loop.dtype and node.dtype.lanes == 1
    )


def _sink(node: Node) -> bool:
    """Writes; and the loops in which some of them stand, where nothing else asks for these."""
    kinds = {s.op for s in node.src}
    return Op.WRITE in kinds and kinds <= {Op.WRITE, Op.FOLD}


def _broadcast(node: Node) -> bool:
    return node.src[0].dtype is node.dtype.scalar


def _slice(node: Node) -> bool:
    x = node.src[0].dtype
    return x.scalar is node.dtype.scalar and 0 <= node.arg <= x.lanes - node.dtype.lanes


def _anything_sized(node: Node) -> bool:
    """Leaves whose attribute is checked where they are made; their dtype is a scalar."""
    return node.dtype.lanes == 1


def _lanes(node: Node) -> bool:
    return node.dtype.kind in ("index", "int") and node.dtype.lanes > 1


KERNEL_ROWS: dict[Operation, Row] = {
    **dict.fromkeys((Op.ADD, Op.SUB, Op.MUL, Op.MAXIMUM, Op.MINIMUM, Op.NEG, Op.ABS), _numbers),
    **dict.fromkeys((Op.DIV, Op.SQRT, Op.CANON, *FUNCTIONS, *ROUNDINGS), _floats),
    **dict.fromkeys((Op.FLOORDIV, Op.FLOORMOD, Op.FMOD, Op.POW), _numbers),
    **dict.fromkeys((Op.LSHIFT, Op.RSHIFT), _integers),
    **dict.fromkeys((Op.SHL, Op.SHR, Op.IDIV, Op.IREM), _integers),
    **dict.fromkeys((Op.AND, Op.OR, Op.XOR, Op.NOT), _logic),
    **dict.fromkeys((Op.LT, Op.EQ, Op.NE), _test),
    Op.CAST: _convertible,
    Op.CONVERT: _converted,
    Op.WHERE: _where,
    Op.BITCAST: _same_width,
    Op.OPAQUE: _same_as_operands,
    Op.CONST: _constant,
    Op.TABLE: _anything_sized,
    Op.PARAM: _anything_sized,
    Op.VARIABLE: _anything_sized,
    Op.RANGE: _range,
    Op.LOAD: _load,
    Op.WRITE: _write,
    Op.FOLD: _fold,
    Op.CARRY: _carry,
    Op.PICK: _pick,
    Op.TREE: _tree,
    Op.SHUFFLE: _shuffle,
    Op.FUNCTION: _function,
    Op.FORMAL: _formal,
    Op.CALL: _call,
    Op.SINK: _sink,
    Op.BROADCAST: _broadcast,
    Op.SLICE: _slice,
    Op.LANES: _lanes,
}
# What a dtype that can only be stored may go through.
MOVING = frozenset({Op.WHERE, Op.BITCAST, Op.CONVERT, Op.OPAQUE})
# max and min also work on bool
_BOOL_TOO = frozenset({Op.MAXIMUM, Op.MINIMUM})

TENSOR_OPS = ELEMENTWISE | MOVEMENT | MARKERS | {
    Op.BUFFER, Op.CONST, Op.TABLE, Op.IOTA, Op.VARIABLE, Op.BIND, Op.REDUCE, Op.PARTIAL,
    Op.GATHER, Op.COPY, Op.CONTIGUOUS, Op.CAT, Op.SCAN, Op.MERGE, Op.SCATTER, Op.CUSTOM, Op.STORE,
    Op.AFTER, Op.SINK,
}  # fmt: skip


Excluded = Callable[[Node, Target], str | None]


def _from_loops(node: Node, target: Target) -> str | None:
    return "has lanes before vectors are made" if node.dtype.lanes > 1 else None


def _from_stored(node: Node, target: Target) -> str | None:
    if node.op is Op.PARAM and node.dtype not in target.storage:
        return f"has a dtype that {target.name} cannot load and store"
    return _from_loops(node, target)


def _from_expanded(node: Node, target: Target) -> str | None:
    if node.op is Op.PARAM:
        return _from_stored(node, target)
    if node.op is Op.TREE or (node.op is Op.RANGE and node.arg[1] in (Axis.VECTOR, Axis.UNROLL)):
        return "should have been expanded"
    return None


def _from_addressed(node: Node, target: Target) -> str | None:
    if node.dtype.scalar is dtypes.index:
        return "still has dtype index"
    return _from_expanded(node, target)


def _from_machine(node: Node, target: Target) -> str | None:
    if node.op in ELEMENTWISE and node.op not in target.ops:
        return f"is no operation of {target.name}"
    computes = node.op in ELEMENTWISE and node.op not in MOVING
    allowed = target.arithmetic if computes else target.arithmetic | target.storage
    if all(x.dtype.scalar in allowed for x in (node, *(node.src if computes else ()))):
        return _from_addressed(node, target)
    return f"has a dtype that {target.name} lacks"


# Why a well-typed node does not belong on a level, None if it does.
EXCLUDED: dict[Level, Excluded] = {
    Level.LOOPS: _from_loops,
    Level.STORED: _from_stored,
    Level.EXPANDED: _from_expanded,
    Level.ADDRESSED: _from_addressed,
    Level.MACHINE: _from_machine,
}


def well_typed(node: Node) -> bool:
    """Whether a node obeys its row."""
    row = KERNEL_ROWS.get(node.op)
    if row is None:
        return False
    arity = node.op.arity
    if arity is not None and len(node.src) != arity:
        return False
    if node.op in _BOOL_TOO and node.dtype.kind == "bool":
        return _same_as_operands(node)
    return row(node)


def _stored(node: Node) -> bool:
    """The value of a STORE goes to places of the base, each element to one of its own."""
    base, value = node.src[:2]
    offset, strides = resolved(node)
    if not (base.dtype is value.dtype is node.dtype) or len(strides) != len(value.shape):
        return False
    shape, places, sizes = static(value.shape), static((offset, *strides)), static(base.shape)
    if shape is None or places is None or sizes is None or 0 in shape:
        return True  # known when it runs; or nothing is written
    first, last = extent(shape, places[0], places[1:])
    return 0 <= first and last < math.prod(sizes) and places_differ(shape, places[1:])


TYPED = 1 << 16  # of Node.verified: it obeys its row, whatever the level


def verify(sink: Node, level: Level, target: Target, step: str) -> None:
    """Raise SpecError for the first node of a kernel that breaks an invariant of `level`."""
    bit, excluded = 1 << level, EXCLUDED[level]
    allowed: set[tuple[object, ...]] = set()  # combinations of operation and dtypes
    for node in order_of(sink):
        if node.verified & bit:
            continue
        if not node.verified & TYPED:
            if not well_typed(node):
                raise SpecError(_message(step, node, "breaks its row of the spec"))
            checked_attribute(node.arg)
            node.verified |= TYPED
        if level is Level.MACHINE and node.op in ELEMENTWISE:
            kind = (node.op, node.dtype, *[x.dtype for x in node.src])
            if kind in allowed:
                continue
            allowed.add(kind)
        reason = excluded(node, target)
        if reason is not None:
            raise SpecError(_message(step, node, reason))
        if level is not Level.MACHINE and node.op is not Op.PARAM:  # these depend on the target
            node.verified |= bit


def _message(step: str, node: Node, reason: str) -> str:
    operands = ", ".join(f"{s.op} {s.dtype}" for s in node.src)
    return f"after pass '{step}': {node.op} {node.dtype} ({operands}) {node.arg!r} {reason}"


def verify_tensor(root: Node) -> None:
    """Raise SpecError for the first node of a tensor-level graph that is not valid there."""
    for node in toposort([root]):
        if node.verified & 1:
            continue
        if node.op not in TENSOR_OPS or node.op.group is Group.MACHINE:
            raise SpecError(_message("build", node, "is no tensor operation"))
        if node.op in ELEMENTWISE and not well_typed(node):
            raise SpecError(_message("build", node, "breaks its row of the spec"))
        if node.op is Op.STORE and not _stored(node):
            raise SpecError(_message("build", node, "leaves its base, or writes a place twice"))
        checked_attribute(node.arg)
        node.verified |= 1
