"""The graph: immutable, interned nodes, and their text form.

Invariants:
- Two nodes with the same operation, dtype, operands and attribute are the same object, so graphs
  are compared with `is` and shared subexpressions are computed once.
- An attribute consists of ints, strings, None and tuples of these. Numbers are bit patterns:
  floats and bools never appear, since Python takes 0.0 for -0.0 and True for 1.
- `parse(dump(node)) is node`.
- Nothing here recurses: graphs are deeper than Python's stack.
"""

from __future__ import annotations

import ast
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine import dtypes
from engine.dtypes import DType, Scalar
from engine.ops import OPERATIONS, Axis, Op, Operation

_interned: dict[tuple[Any, ...], _Reference] = {}
_lock = threading.RLock()  # reentrant: making a node may collect, which forgets others


class Node:
    """One operation. Build nodes through `Node(op, dtype, src, arg)`; equal ones are identical.

    Arithmetic operators build nodes; a Python number beside a node is a constant of its dtype.
    """

    __slots__ = (
        "__weakref__", "arg", "bounds_cache", "device_cache", "dtype", "newest_cache", "op",
        "order_cache", "shape_cache", "src", "tracked_cache", "verified",
    )  # fmt: skip

    op: Operation
    dtype: DType
    src: tuple[Node, ...]
    arg: Any
    shape_cache: tuple[Sint, ...] | None
    device_cache: str | None  # "" where no operand has a device
    bounds_cache: tuple[int, int] | None
    newest_cache: int | None
    order_cache: tuple[Node, ...] | None  # what is below, see order_of
    tracked_cache: bool | None
    verified: int  # a bit for every level of the spec that the node is known to obey

    def __new__(
        cls, op: Operation, dtype: DType, src: tuple[Node, ...] = (), arg: object = None
    ) -> Node:
        key = (op, dtype, src, arg)
        reference = _interned.get(key)
        if reference is not None:
            found = reference()
            if found is not None:
                return found
        if type(arg) in (bool, float):
            raise TypeError(f"{op}: an attribute is made of ints and strings, not {arg!r}")
        node = object.__new__(cls)
        node.op, node.dtype, node.src, node.arg = op, dtype, src, arg
        node.shape_cache = node.device_cache = node.bounds_cache = node.order_cache = None
        node.newest_cache = node.tracked_cache = None
        node.verified = 0
        made = _Reference(node, _forget)
        made.key = key
        if _interned.setdefault(key, made) is made:  # which is one step, whatever threads do
            return node
        return _settled(made, node)

    def __repr__(self) -> str:
        return dump(self)

    def replace(self, src: tuple[Node, ...]) -> Node:
        """The same operation on other operands."""
        return self if src == self.src else Node(self.op, self.dtype, src, self.arg)

    # -- building ----------------------------------------------------------------------------------
    def constant(self, value: Scalar) -> Node:
        """A Python number as a constant of this node's dtype, in every lane."""
        return self._in_every_lane(const(value, self.dtype.scalar))

    def constant_bits(self, bits: int) -> Node:
        """The constant of this node's dtype with these bits, in every lane."""
        return self._in_every_lane(Node(Op.CONST, self.dtype.scalar, (), bits))

    @property
    def known_bits(self) -> int | None:
        """The bits that a constant has in every lane, None for what is no constant."""
        value = self.src[0] if self.op is Op.BROADCAST else self
        return int(value.arg) if value.op is Op.CONST else None

    def _in_every_lane(self, value: Node) -> Node:
        return value if self.dtype.lanes == 1 else Node(Op.BROADCAST, self.dtype, (value,))

    def _operand(self, other: Node | Scalar) -> Node:
        return other if isinstance(other, Node) else self.constant(other)

    def binary(self, op: Operation, other: Node | Scalar, reverse: bool = False) -> Node:
        """`op` of two values of one dtype; tests yield bool."""
        y = self._operand(other)
        operands = (y, self) if reverse else (self, y)
        dtype = dtypes.bool_.vec(self.dtype.lanes) if op in TESTS else self.dtype
        return Node(op, dtype, operands)

    def unary(self, op: Operation) -> Node:
        return Node(op, self.dtype, (self,))

    def __add__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.ADD, other)

    def __radd__(self, other: Scalar) -> Node:
        return self.binary(Op.ADD, other, reverse=True)

    def __sub__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.SUB, other)

    def __rsub__(self, other: Scalar) -> Node:
        return self.binary(Op.SUB, other, reverse=True)

    def __mul__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.MUL, other)

    def __rmul__(self, other: Scalar) -> Node:
        return self.binary(Op.MUL, other, reverse=True)

    def __truediv__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.DIV, other)

    def __rtruediv__(self, other: Scalar) -> Node:
        return self.binary(Op.DIV, other, reverse=True)

    def __floordiv__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.FLOORDIV, other)

    def __mod__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.FLOORMOD, other)

    def __and__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.AND, other)

    def __or__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.OR, other)

    def __xor__(self, other: Node | Scalar) -> Node:
        return self.binary(Op.XOR, other)

    def __lshift__(self, count: Node | int) -> Node:
        return self.binary(Op.SHL, count)

    def __rshift__(self, count: Node | int) -> Node:
        return self.binary(Op.SHR, count)

    def __neg__(self) -> Node:
        return self.unary(Op.NEG)

    def __invert__(self) -> Node:
        return self.unary(Op.NOT)

    def lt(self, other: Node | Scalar) -> Node:
        return self.binary(Op.LT, other)

    def eq(self, other: Node | Scalar) -> Node:
        return self.binary(Op.EQ, other)

    def ne(self, other: Node | Scalar) -> Node:
        return self.binary(Op.NE, other)

    def where(self, if_true: Node | Scalar, if_false: Node | Scalar) -> Node:
        """The bits of one operand or the other; at least one of them is a node."""
        if isinstance(if_true, Node):
            x, y = if_true, if_true._operand(if_false)
        elif isinstance(if_false, Node):
            x, y = if_false.constant(if_true), if_false
        else:
            raise TypeError("where: at least one of the two values must be a node")
        return Node(Op.WHERE, x.dtype, (self, x, y))

    def bitcast(self, dtype: DType | str) -> Node:
        target = dtypes.as_dtype(dtype).vec(self.dtype.lanes)
        return self if target is self.dtype else Node(Op.BITCAST, target, (self,))

    def convert(self, dtype: DType | str) -> Node:
        target = dtypes.as_dtype(dtype).vec(self.dtype.lanes)
        return self if target is self.dtype else Node(Op.CONVERT, target, (self,))

    def cast(self, dtype: DType | str) -> Node:
        target = dtypes.as_dtype(dtype).vec(self.dtype.lanes)
        return self if target is self.dtype else Node(Op.CAST, target, (self,))

    def sqrt(self) -> Node:
        return self.unary(Op.SQRT)

    def opaque(self) -> Node:
        return self.unary(Op.OPAQUE)

    def canonical(self) -> Node:
        return self.unary(Op.CANON)

    def lookup(self, table_bits: tuple[int, ...], dtype_name: str) -> Node:
        """Item number `self` of a table in memory; kernel level only."""
        dtype = dtypes.as_dtype(dtype_name)
        table = Node(Op.TABLE, dtype, (), table_bits)
        return Node(Op.LOAD, dtype.vec(self.dtype.lanes), (table, self.cast(dtypes.index)))

    @property
    def dtype_name(self) -> str:
        return self.dtype.name

    def horner(self, coefficients: Sequence[float]) -> Node:
        """The polynomial with these coefficients, highest first, one rounding a step."""
        result: Node = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            result = result * self + coefficient
        return result

    # -- tensor level ------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[Sint, ...]:
        """Sizes of the axes of a tensor-level node; a symbolic size is a node of dtype index."""
        if self.shape_cache is None:
            from engine.shapes import infer  # the rows of shapes are built on nodes

            if all(s.shape_cache is not None for s in self.src):  # as when it has just been made
                self.shape_cache = infer(self)
                return self.shape_cache
            for node in toposort([self], stop=lambda n: n.shape_cache is not None):
                if node.shape_cache is None:
                    node.shape_cache = infer(node)
        assert self.shape_cache is not None
        return self.shape_cache

    @property
    def device(self) -> str | None:
        """Where a tensor-level node lives; None for constants, which live nowhere."""
        if self.device_cache is None:
            if all(s.device_cache is not None for s in self.src):
                self.device_cache = _device(self)
                return self.device_cache or None
            for node in toposort([self], stop=lambda n: n.device_cache is not None):
                if node.device_cache is None:
                    node.device_cache = _device(node)
        return self.device_cache or None

    @property
    def newest(self) -> int:
        """The largest number of a BUFFER that this node is, or is made of; 0 where there is none.

        A node is made of no other whose number is larger.
        """
        if self.newest_cache is None:
            for node in toposort([self], stop=lambda n: n.newest_cache is not None):
                if node.newest_cache is None:
                    node.newest_cache = _newest(node)
        assert self.newest_cache is not None
        return self.newest_cache

    @property
    def tracked(self) -> bool:
        """Whether a gradient flows to a LEAF below: by floats alone, and past no DETACH."""
        if self.tracked_cache is None:
            for node in toposort([self], stop=lambda n: n.tracked_cache is not None):
                if node.tracked_cache is None:
                    node.tracked_cache = _tracked(node)
        return bool(self.tracked_cache)


def _newest(node: Node) -> int:
    if node.op is Op.BUFFER:
        return int(node.arg[0])
    return max((s.newest_cache or 0 for s in node.src), default=0)


def _device(node: Node) -> str:
    if node.op is Op.BUFFER:
        return str(node.arg[2])
    if node.op is Op.COPY:
        return str(node.arg)
    return next((s.device_cache for s in node.src if s.device_cache), "")


def _tracked(node: Node) -> bool:
    if node.op is Op.LEAF or node.op is Op.DETACH or not node.dtype.is_float:
        return node.op is Op.LEAF
    operands = node.src[1:] if node.op is Op.SURROGATE else node.src
    return any(s.tracked_cache for s in operands)


Sint = int | Node
TESTS = frozenset({Op.LT, Op.EQ, Op.NE})


class _Reference(weakref.ref[Node]):
    """What is interned: a node that nobody need keep, and its key."""

    __slots__ = ("key",)
    key: tuple[Any, ...]


def _settled(made: _Reference, node: Node) -> Node:
    """The node that counts where an entry is in the way: of another thread, or of the dead."""
    with _lock:  # only its holder replaces or removes the dead; the entry may be gone by now
        reference = _interned.setdefault(made.key, made)
        found = reference()
        if found is None:
            _interned[made.key] = made
    return node if found is None else found


def _forget(reference: _Reference) -> None:
    """Remove the entry of a node that died, unless a new node has taken it."""
    with _lock:
        if _interned.get(reference.key) is reference:
            del _interned[reference.key]


def const(value: Scalar, dtype: DType) -> Node:
    """A constant of `dtype`, rounded to nearest; `index` constants are plain ints."""
    return Node(Op.CONST, dtype, (), int(value) if dtype is dtypes.index else dtype.encode(value))


def index(value: Sint) -> Node:
    """An int as a constant of dtype index; nodes stay what they are."""
    return value if isinstance(value, Node) else Node(Op.CONST, dtypes.index, (), value)


def axis_range(end: Sint, path: tuple[int, ...], kind: Axis) -> Node:
    """A loop variable 0 … end-1. Loops nest in the order of their paths."""
    return Node(Op.RANGE, dtypes.index, (index(end),), (path, str(kind)))


def toposort(
    roots: Iterable[Node], stop: Callable[[Node], bool] | None = None
) -> list[Node]:
    """All nodes below `roots`, operands first, each once. Does not look below where `stop` is true.

    The order depends on the structure alone, so equal graphs give equal lists.
    """
    order: list[Node] = []
    state: dict[Node, bool] = {}
    stack = list(roots)[::-1]
    while stack:
        node = stack[-1]
        known = state.get(node)
        if known is None:
            if not node.src or (stop is not None and stop(node)):
                state[node] = True
                order.append(node)
                stack.pop()
                continue
            state[node] = False
            stack.extend([s for s in reversed(node.src) if s not in state])
        else:
            stack.pop()
            if not known:
                state[node] = True
                order.append(node)
    return order


def order_of(sink: Node) -> Sequence[Node]:
    """`toposort([sink])`, remembered: every pass walks over the kernel that it gets, and several do
    so more than once."""
    if sink.order_cache is None:
        sink.order_cache = tuple(toposort([sink])[:-1])  # without itself, which would be a cycle
    return [*sink.order_cache, sink]


def substitute(root: Node, mapping: dict[Node, Node]) -> Node:
    """`root` with every node that is a key of `mapping` replaced, operands of others rebuilt."""
    result = dict(mapping)
    for node in toposort([root], stop=mapping.__contains__):
        if node not in result:
            result[node] = node.replace(tuple([result[s] for s in node.src]))
    return result[root]


# -- text ------------------------------------------------------------------------------------------
# What reading a hostile attribute may raise: `literal_eval` runs out of stack when nested too deep.
_UNREADABLE = (KeyError, TypeError, SyntaxError, ValueError, MemoryError, RecursionError)
_LINE = re.compile(r"%(\d+) = (\w+) (\w+)((?: %\d+)*)(?: \[(.*)\])?")


def dump(*roots: Node) -> str:
    """One line a node: `%2 = ADD float32 %0 %1 [attribute]`, then the roots."""
    order = toposort(roots)
    number = {node: i for i, node in enumerate(order)}
    lines = [_line(node, number) for node in order]
    return "\n".join([*lines, "-> " + " ".join(f"%{number[root]}" for root in roots)])


def _line(node: Node, number: dict[Node, int]) -> str:
    operands = "".join(f" %{number[s]}" for s in node.src)
    attribute = "" if node.arg is None else f" [{node.arg!r}]"
    return f"%{number[node]} = {node.op} {node.dtype}{operands}{attribute}"


def parse(text: str) -> Node:
    """The node that `dump` printed, the identical object. ValueError names a wrong line."""
    return parse_all(text)[0]


def parse_all(text: str) -> tuple[Node, ...]:
    """Every root of a dump."""
    nodes: dict[int, Node] = {}
    for where, line in enumerate(text.strip().splitlines(), 1):
        if line.startswith("->"):
            return _roots(line, where, nodes)
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"line {where}: expected '%n = OP dtype %src [arg]', got {line}")
        number, op, dtype, operands, attribute = match.groups()
        if int(number) in nodes:
            raise ValueError(f"line {where}: %{number} has been defined before")
        try:
            src = tuple(nodes[int(name[1:])] for name in operands.split())
            arg = None if attribute is None else checked_attribute(ast.literal_eval(attribute))
            nodes[int(number)] = Node(OPERATIONS[op], dtypes.as_dtype(dtype), src, arg)
        except _UNREADABLE as error:
            raise ValueError(f"line {where}: {error!r} in: {line[:200]}") from error
    raise ValueError("the last line must name the roots: '-> %n'")


def _roots(line: str, where: int, nodes: dict[int, Node]) -> tuple[Node, ...]:
    names = line.split()[1:]
    known = {f"%{number}": node for number, node in nodes.items()}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(f"line {where}: {unknown or 'nothing'} named as root: {line}")
    return tuple(known[name] for name in names)


def checked_attribute(arg: object) -> object:
    """`arg` itself if it holds only ints, strings, None and tuples; TypeError otherwise."""
    pending = [arg]
    while pending:
        item = pending.pop()
        if type(item) is tuple:
            pending.extend(item)
        elif item is not None and type(item) not in (int, str):
            raise TypeError(f"attributes hold ints, strings, None and tuples, not {item!r}")
    return arg
