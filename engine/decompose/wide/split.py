"""The pass: every 64-bit integer of a kernel becomes a pair of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine import dtypes
from engine.decompose.operations.reciprocals import by_reciprocals
from engine.decompose.wide import converts, division, pair, products, shifts
from engine.decompose.wide.pair import INT, UINT, Pair
from engine.dtypes import DType
from engine.graph import Node, const, order_of
from engine.ops import Op, Operation
from engine.rewrite import rewrite

Value = Node | Pair
WIDE = frozenset({dtypes.int64, dtypes.uint64})


def is_wide(dtype: DType) -> bool:
    """Whether values of a dtype, of any number of lanes, are pairs."""
    return dtype.scalar in WIDE


def split_wide(sink: Node) -> Node:
    """The kernel without int64 and uint64; itself if it has none.

    Addresses of 64 bits lose their upper words, and loops count in 32: `narrow` has seen to it that
    the memory and the loops of such a kernel are not larger.
    """
    if not any(is_wide(node.dtype) for node in order_of(sink)):
        return sink
    return _Splitting(order_of(rewrite(sink, by_reciprocals(WIDE)))).run()


class _Splitting:
    """One run: what has become of the nodes so far."""

    def __init__(self, order: Sequence[Node]) -> None:
        self.order = order
        self.done: dict[Node, Value] = {}
        # where the carried values of a loop's fold are once wide ones take two places
        self.places: dict[Node, list[int]] = {}
        self.formals: dict[Node, int] = {}  # the first number of each, once wide ones take two
        for node in order:
            if node.op is Op.FUNCTION:
                self.formals.update(zip(node.src[1:], _places(node.src[1:])))
            if node.op is Op.FOLD:
                self.places[node.src[0]] = _places(node.src[1 : 1 + node.arg])

    def run(self) -> Node:
        for node in self.order:
            self.done[node] = self.split(node)
        return self.node(self.order[-1])

    def split(self, node: Node) -> Value:
        special = _STRUCTURE.get(node.op)
        if special is not None:
            return special(self, node)
        wide = is_wide(node.dtype) or any(is_wide(s.dtype) for s in node.src)
        if not wide:
            return node.replace(tuple([self.node(s) for s in node.src]))
        row = _VALUES.get(node.op)
        if row is None:
            raise ValueError(f"{node.op} of {node.dtype} has no form in two words")
        return row(self, node)

    def node(self, node: Node) -> Node:
        """What has become of a node that is not wide."""
        value = self.done[node]
        assert isinstance(value, Node)
        return value

    def pair(self, node: Node) -> Pair:
        """What has become of a node that is wide."""
        value = self.done[node]
        assert isinstance(value, Pair)
        return value

    def words(self, nodes: Sequence[Node]) -> list[Node]:
        """Everything in a row, wide values as two words."""
        return [word for node in nodes for word in _words(self.done[node])]

    def position(self, node: Node) -> Node:
        """An address or the end of a loop: the lower word is enough."""
        value = self.done[node]
        return value.low.bitcast(INT) if isinstance(value, Pair) else value

    # -- loops -------------------------------------------------------------------------------------
    def range(self, node: Node) -> Value:
        loop = Node(Op.RANGE, INT, (self.position(node.src[0]),), node.arg)
        return converts.from_integer(loop) if is_wide(node.dtype) else loop

    def loop(self, node: Node) -> Node:
        """The RANGE of a loop, also where its number has become a pair."""
        return Node(Op.RANGE, INT, (self.position(node.src[0]),), node.arg)

    def carry(self, node: Node) -> Value:
        (loop,) = node.src
        return self.numbered(node, self.loop(loop), self.places[loop][node.arg])

    def fold(self, node: Node) -> Value:
        starts, updates = node.src[1 : 1 + node.arg], node.src[1 + node.arg :]
        carried = self.words(starts)
        src = (self.loop(node.src[0]), *carried, *self.words(updates))
        return Node(Op.FOLD, carried[0].dtype, src, len(carried))

    def pick(self, node: Node) -> Value:
        (folded,) = node.src
        return self.numbered(node, self.node(folded), self.places[folded.src[0]][node.arg])

    def numbered(self, node: Node, of: Node, place: int) -> Value:
        if not is_wide(node.dtype):
            return Node(node.op, node.dtype, (of,), place)
        word = UINT.vec(node.dtype.lanes)
        return Pair(Node(node.op, word, (of,), place), Node(node.op, word, (of,), place + 1))

    def shuffle(self, node: Node) -> Value:
        """The loop and the number of the other round may be wide where the value is not."""
        loop, other, value = node.src
        place = self.loop(loop), self.position(other)
        if not is_wide(node.dtype):
            return node.replace((*place, self.node(value)))
        return self.pair(value).each(lambda x: Node(Op.SHUFFLE, x.dtype, (*place, x)))

    # -- functions ---------------------------------------------------------------------------------
    def formal(self, node: Node) -> Value:
        name, number = node.arg[0], self.formals[node]
        if not is_wide(node.dtype):
            return Node(Op.FORMAL, node.dtype, (), (name, number))
        word = UINT.vec(node.dtype.lanes)
        return Pair(*(Node(Op.FORMAL, word, (), (name, number + i)) for i in (0, 1)))

    def function(self, node: Node) -> Value:
        """Where the result takes two words there are two functions, one for each."""
        result, formals = self.done[node.src[0]], self.words(node.src[1:])
        if isinstance(result, Node):
            return node.replace((result, *formals))
        words = (("low", result.low), ("high", result.high))
        return Pair(*(
            Node(Op.FUNCTION, word.dtype, (word, *formals), f"{node.arg}_{name}")
            for name, word in words
        ))

    def call(self, node: Node) -> Value:
        function, operands = self.done[node.src[0]], tuple(self.words(node.src[1:]))
        if isinstance(function, Node):
            return node.replace((function, *operands))
        return function.each(lambda part: Node(Op.CALL, part.dtype, (part, *operands)))

    # -- memory ------------------------------------------------------------------------------------
    def access(self, node: Node) -> Value:
        memory, place, *rest = node.src
        src = (self.node(memory), self.position(place), *map(self.node, rest))
        return Node(node.op, node.dtype, src, node.arg)

    def sink(self, node: Node) -> Node:
        """Writes, and folds whose dtype, that of their first value, says nothing."""
        return node.replace(tuple([self.node(s) for s in node.src]))

    # -- values ------------------------------------------------------------------------------------
    def constant(self, node: Node) -> Pair:
        return Pair(const(node.arg, UINT), const(node.arg >> UINT.bits, UINT))

    def variable(self, node: Node) -> Pair:
        return converts.from_integer(Node(Op.VARIABLE, INT, (), node.arg))

    def lane_numbers(self, node: Node) -> Pair:
        return converts.from_integer(Node(Op.LANES, INT.vec(node.dtype.lanes)))

    def each_word(self, node: Node) -> Pair:
        """One operand, whose words do not meet."""
        word = UINT.vec(node.dtype.lanes)
        return self.pair(node.src[0]).each(lambda x: Node(node.op, word, (x,), node.arg))

    def where(self, node: Node) -> Pair:
        condition, x, y = node.src
        return pair.where(self.node(condition), self.pair(x), self.pair(y))

    def binary(self, node: Node) -> Pair:
        x, y = map(self.pair, node.src)
        return _BINARY[node.op](x, y)

    def logic(self, node: Node) -> Pair:
        return pair.logic(node.op, *map(self.pair, node.src))

    def less(self, node: Node) -> Node:
        x, y = node.src
        return pair.less(self.pair(x), self.pair(y), x.dtype.is_signed)

    def equal(self, node: Node) -> Node:
        return pair.equal(*map(self.pair, node.src))

    def unequal(self, node: Node) -> Node:
        return pair.unequal(*map(self.pair, node.src))

    def left(self, node: Node) -> Pair:
        x, count = map(self.pair, node.src)
        return shifts.left(x, count.low)

    def right(self, node: Node) -> Pair:
        x, count = map(self.pair, node.src)
        return shifts.right(x, count.low, node.dtype.is_signed)

    def division(self, node: Node) -> Pair:
        """Nodes are interned, so quotient and remainder of the same operands are made once."""
        x, y = map(self.pair, node.src)
        quotient, remainder = division.divide(x, y, node.dtype.is_signed)
        return quotient if node.op is Op.IDIV else remainder

    def bitcast(self, node: Node) -> Pair:
        if not is_wide(node.src[0].dtype) or not is_wide(node.dtype):
            raise ValueError(
                f"bits of {node.src[0].dtype} as {node.dtype}: a device without 64-bit integers "
                "has no access to them; float64 must be emulated too"
            )
        return self.pair(node.src[0])

    def convert(self, node: Node) -> Value:
        (x,) = node.src
        if not is_wide(x.dtype):
            source = self.node(x)
            is_float = x.dtype.is_float
            return converts.from_float(source) if is_float else converts.from_integer(source)
        if is_wide(node.dtype):
            return self.pair(x)
        if node.dtype.is_float:
            return converts.to_float(self.pair(x), x.dtype.is_signed, node.dtype)
        return converts.to_integer(self.pair(x), node.dtype)


def _words(value: Value) -> tuple[Node, ...]:
    return (value.low, value.high) if isinstance(value, Pair) else (value,)


def _places(starts: Sequence[Node]) -> list[int]:
    places, place = [], 0
    for start in starts:
        places.append(place)
        place += 2 if is_wide(start.dtype) else 1
    return places


Row = Callable[[_Splitting, Node], Value]

# What is rebuilt whether it is wide or not.
_STRUCTURE: dict[Operation, Row] = {
    Op.RANGE: _Splitting.range,
    Op.CARRY: _Splitting.carry,
    Op.FOLD: _Splitting.fold,
    Op.PICK: _Splitting.pick,
    Op.SHUFFLE: _Splitting.shuffle,
    Op.FORMAL: _Splitting.formal,
    Op.FUNCTION: _Splitting.function,
    Op.CALL: _Splitting.call,
    Op.LOAD: _Splitting.access,
    Op.WRITE: _Splitting.access,
    Op.SINK: _Splitting.sink,
}
_BINARY: dict[Operation, Callable[[Pair, Pair], Pair]] = {
    Op.ADD: pair.add,
    Op.SUB: pair.subtract,
    Op.MUL: products.multiply,
}
_VALUES: dict[Operation, Row] = {
    Op.CONST: _Splitting.constant,
    Op.VARIABLE: _Splitting.variable,
    Op.LANES: _Splitting.lane_numbers,
    **dict.fromkeys((Op.BROADCAST, Op.SLICE, Op.NOT, Op.OPAQUE), _Splitting.each_word),
    Op.WHERE: _Splitting.where,
    **dict.fromkeys(_BINARY, _Splitting.binary),
    **dict.fromkeys((Op.AND, Op.OR, Op.XOR), _Splitting.logic),
    Op.LT: _Splitting.less,
    Op.EQ: _Splitting.equal,
    Op.NE: _Splitting.unequal,
    Op.SHL: _Splitting.left,
    Op.SHR: _Splitting.right,
    **dict.fromkeys((Op.IDIV, Op.IREM), _Splitting.division),
    Op.BITCAST: _Splitting.bitcast,
    Op.CONVERT: _Splitting.convert,
}
