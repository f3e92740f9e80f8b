"""Symbolic integers: variables whose value changes from run to run without compiling again.

    step = Variable("step", 0, 1023)
    row = table[step.bind(17)]

A size or offset is an int or a node of dtype index (`Sint`). What the engine must know about one,
for every value that its variables may take, is its interval.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

from engine import dtypes
from engine.graph import Node, Sint, index, toposort
from engine.ops import Op


class Variable:
    """An integer between `low` and `high`, both included. Give it a value with `bind` to use it.

    Equal name and range mean the same variable. ValueError for a range without a value.
    """

    def __init__(self, name: str, low: int, high: int) -> None:
        if not (isinstance(name, str) and name.isidentifier() and name.isascii()):
            raise ValueError(f"Variable: a name is an identifier in ASCII, not {name!r}")
        low, high = operator.index(low), operator.index(high)
        if low > high:
            raise ValueError(f"Variable {name}: the range {low}..{high} holds no value")
        self.name, self.low, self.high = name, low, high
        self.node = Node(Op.VARIABLE, dtypes.index, (), (name, low, high))

    def bind(self, value: int) -> Bound:
        """This variable with its value for this run; ValueError outside the range."""
        if not hasattr(value, "__index__"):
            raise TypeError(f"Variable {self.name}: {value!r} is no integer")
        value = operator.index(value)
        if not self.low <= value <= self.high:
            raise ValueError(
                f"Variable {self.name}: {value} is outside its range {self.low}..{self.high}"
            )
        return Bound(Node(Op.BIND, dtypes.index, (self.node, index(value))))

    def __repr__(self) -> str:
        return f"Variable({self.name!r}, {self.low}, {self.high})"

    def __index__(self) -> int:
        raise unbound(self)


class Bound:
    """A bound variable, plus or minus a constant: an index, the end of a slice, or a size."""

    def __init__(self, node: Sint) -> None:
        self.node = index(node)

    @property
    def value(self) -> int:
        """The value in this run."""
        return value_of(self.node)

    def __add__(self, other: int) -> Bound:
        return Bound(shifted(self.node, operator.index(other)))

    __radd__ = __add__

    def __sub__(self, other: int) -> Bound:
        return Bound(shifted(self.node, -operator.index(other)))

    def __repr__(self) -> str:
        return f"<{describe(self.node)}>"


Size = int | Variable | Bound | Node


def unbound(variable: Variable) -> TypeError:
    """The error of using a variable before it has a value."""
    return TypeError(f"{variable!r} has no value: use {variable.name}.bind(value)")


def as_sint(op: str, value: object) -> Sint:
    """A size or offset that a user wrote; TypeError, which names the operation, for no integer."""
    if isinstance(value, Variable):
        raise unbound(value)
    if isinstance(value, Bound):
        return value.node
    if isinstance(value, Node):
        if value.dtype is not dtypes.index:
            raise TypeError(f"{op}: a size must be of dtype index, not {value.dtype}")
        return value
    if isinstance(value, bool):
        raise TypeError(f"{op}: {value} is a truth value where an integer is needed")
    try:
        return operator.index(value)  # type: ignore[arg-type] # its TypeError is the check
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{op}: {value!r} is a {kind} where an integer is needed") from None


def affine(value: Sint) -> tuple[Node | None, int]:
    """`value` as a node (None: nothing) plus a constant."""
    if isinstance(value, int):
        return None, value
    if value.op is Op.CONST:
        return None, value.arg
    if value.op is Op.ADD and value.src[1].op is Op.CONST:
        return value.src[0], value.src[1].arg
    return value, 0


def shifted(value: Sint, amount: int) -> Sint:
    """`value + amount`, in the one form that equal sums share."""
    base, offset = affine(value)
    if base is None:
        return offset + amount
    return base + (offset + amount) if offset + amount else base


def difference(end: Sint, start: Sint) -> Sint:
    """`end - start`; an int when both move together."""
    base, offset = affine(start)
    if base is None:
        return shifted(end, -offset)
    if base is affine(end)[0]:
        return affine(end)[1] - offset
    return index(end) - start


def interval(value: Sint) -> tuple[int, int]:
    """The smallest and largest value that the variables' ranges allow, both included."""
    if isinstance(value, int):
        return value, value
    ranges: dict[Node, tuple[int, int]] = {}
    for node in toposort([value]):
        ranges[node] = _step(node, [ranges[s] for s in node.src])
    return ranges[value]


def value_of(value: Sint) -> int:
    """The value under the bindings in the graph. TypeError where a variable has none."""
    if isinstance(value, int):
        return value
    values: dict[Node, tuple[int, int]] = {}
    for node in toposort([value]):
        operands = [values[s] for s in node.src]
        values[node] = operands[1] if node.op is Op.BIND else _step(node, operands)
    low, high = values[value]
    if low != high:
        raise TypeError(f"{describe(value)} has no value: a variable in it is not bound")
    return low


def _step(node: Node, operands: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The interval of one node of index arithmetic."""
    if node.op is Op.CONST:
        return node.arg, node.arg
    if node.op is Op.VARIABLE:
        return node.arg[1], node.arg[2]
    if node.op is Op.BIND:
        return operands[0]
    (a, b), (c, d) = operands
    if node.op is Op.ADD:
        return a + c, b + d
    if node.op is Op.SUB:
        return a - d, b - c
    if node.op is Op.MUL:
        corners = (a * c, a * d, b * c, b * d)
        return min(corners), max(corners)
    raise ValueError(f"a size is made of sums and products of variables, not of {node.op}")


_SIGNS = {Op.ADD: "+", Op.SUB: "-", Op.MUL: "*"}


def describe(value: Sint) -> str:
    """A size as people write it: `3`, `i=5`, `(i=5+2)`."""
    if isinstance(value, int):
        return str(value)
    texts: dict[Node, str] = {}
    for node in toposort([value]):
        operands = [texts[s] for s in node.src]
        if node.op is Op.VARIABLE:
            texts[node] = str(node.arg[0])
        elif node.op is Op.BIND:
            texts[node] = "=".join(operands)
        elif node.op in _SIGNS:
            texts[node] = f"({_SIGNS[node.op].join(operands)})"
        else:
            texts[node] = str(node.arg)
    return texts[value]


def show(shape: Sequence[Sint]) -> str:
    """A shape as people write it."""
    return f"({', '.join(map(describe, shape))}{',' if len(shape) == 1 else ''})"
