"""What a slip of the hand makes of a source file: one changed expression a fault.

Offutt, Lee, Rothermel, Untch, Zapf, "An Experimental Determination of Sufficient Mutant Operators",
ACM TOSEM 5(2), 1996: replaced operators, relations, connectives and constants find nearly all that
any others would. Beside them stand the slips that rewriting invites: a neighbouring operation, two
operands exchanged, a branch or a row of a table that is gone.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# What is read for its name alone, and what only fails or explains.
_PROSE = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)
_UNREAD = frozenset({"annotation", "returns", "decorator_list", "type_params", "ctx", "bases"})

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
}  # fmt: skip
_ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift)
_RELATIONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip

# Neighbours that are easily taken for each other: operations, methods of nodes, kinds of rules.
_NEIGHBOURS = {
    "ADD": "SUB", "SUB": "ADD", "MUL": "ADD", "AND": "OR", "OR": "AND", "XOR": "OR", "SHL": "SHR",
    "SHR": "SHL", "IDIV": "IREM", "IREM": "IDIV", "FLOORDIV": "FLOORMOD", "FLOORMOD": "FMOD",
    "FMOD": "FLOORMOD", "MAXIMUM": "MINIMUM", "MINIMUM": "MAXIMUM", "LT": "NE", "EQ": "NE",
    "NE": "EQ", "NEG": "ABS", "ABS": "NEG", "LSHIFT": "RSHIFT", "RSHIFT": "LSHIFT",
    "CANON": "NEG", "CONVERT": "BITCAST", "BITCAST": "CONVERT", "LOAD": "WRITE", "WRITE": "LOAD",
    "FOLD": "TREE", "TREE": "FOLD", "CARRY": "PICK", "PICK": "CARRY",
    "lt": "eq", "eq": "ne", "ne": "eq", "low": "high", "high": "low", "signed": "unsigned",
    "unsigned": "signed", "convert": "bitcast", "bitcast": "convert", "min": "max", "max": "min",
    "any": "all", "all": "any", "INTS": "BITS", "FLOATS": "BITS", "LOGIC": "BITS",
    "int32": "uint32", "uint32": "int32", "is_signed": "is_float", "is_float": "is_int",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """`where` the function or the row of a table; `source` the whole file with the fault in it.

    `turn`: where several in one place read alike, which of them this is, counted from 1.
    """

    module: str
    where: str
    line: int
    before: str
    after: str
    turn: int
    source: str

    @property
    def text(self) -> str:
        several = f"  ({self.turn})" if self.turn > 1 else ""
        return f"{self.before}  ->  {self.after}{several}"


def faults(module: str, source: str) -> list[Fault]:
    """Every fault of a file, in the order of its lines; none of them twice."""
    tree = ast.parse(source)
    texts = [ast.unparse(statement) for statement in tree.body]
    found: dict[str, Fault] = {}
    alike: Counter[tuple[str, str, str]] = Counter()
    number = 0
    for site in _sites(tree, "", None):
        if isinstance(site.node, ast.stmt) and site.parent is tree:
            number = tree.body.index(site.node)
        for new in _slips(site):
            before = _shown(site, site.node)
            site.put(new)
            statement, after = ast.unparse(tree.body[number]), _shown(site, new)
            site.put(site.node)
            changed = "\n".join([*texts[:number], statement, *texts[number + 1 :]])
            if statement == texts[number] or changed in found:
                continue
            alike[site.where, before, after] += 1
            turn = alike[site.where, before, after]
            line = getattr(site.node, "lineno", 0)
            found[changed] = Fault(module, site.where, line, before, after, turn, changed)
    return list(found.values())


def _text(node: ast.AST | None) -> str:
    if node is None:
        return "nothing"
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())


def _shown(site: _Site, node: ast.AST | None) -> str:
    """A number alone would not say which one it is: what it is a part of does."""
    within = isinstance(site.node, ast.Constant) and isinstance(site.parent, ast.expr)
    return _text(site.parent if within else node)


@dataclass(frozen=True)
class _Site:
    """A node of the tree, and how to put another one in its place; None takes it out of a list."""

    node: ast.AST
    parent: ast.AST
    field: str
    where: str
    put: Callable[[ast.AST | None], None]


def _sites(parent: ast.AST, where: str, row: str | None) -> Iterator[_Site]:
    for field, value in ast.iter_fields(parent):
        if field in _UNREAD:
            continue
        many = value if isinstance(value, list) else [value]
        for place, node in enumerate(list(many)):
            if not isinstance(node, ast.AST) or isinstance(node, _PROSE) or _is_prose(node):
                continue
            name = _named(node, where, row)
            yield _Site(node, parent, field, name, _putter(parent, field, value, place))
            yield from _sites(node, name, _row(node) or row)


def _putter(
    parent: ast.AST, field: str, value: object, place: int
) -> Callable[[ast.AST | None], None]:
    if not isinstance(value, list):
        return lambda new: setattr(parent, field, new)
    before, after = value[:place], value[place + 1 :]

    def put(new: ast.AST | None) -> None:
        value[:] = [*before, *([] if new is None else [new]), *after]

    return put


def _is_prose(node: ast.AST) -> bool:
    """Docstrings, names of types, lists of what a module offers."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        types = isinstance(node.value, ast.Subscript) and isinstance(target, ast.Name)
        return types or (isinstance(target, ast.Name) and target.id == "__all__")
    return False


def _named(node: ast.AST, where: str, row: str | None) -> str:
    """The function, or the table and its row, in which a node is."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return f"{where}.{node.name}" if where else node.name
    if not where and isinstance(node, (ast.Assign, ast.AnnAssign)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return _text(target)
    name = _row(node)
    return f"{where}: {name}" if name and where and row is None and ":" not in where else where


def _row(node: ast.AST) -> str | None:
    """The name of a rule: what its constructor is given first."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        first = node.args[0]
        if node.func.id[:1].isupper() and isinstance(first, ast.Constant):
            return first.value if isinstance(first.value, str) else None
    return None


# -- slips -----------------------------------------------------------------------------------------
def _slips(site: _Site) -> Iterator[ast.AST | None]:
    node = site.node
    for kind, slip in _BY_KIND.items():
        if isinstance(node, kind):
            yield from slip(node)
    if isinstance(site.parent, (ast.List, ast.Set)) and len(site.parent.elts) > 1:
        yield None
    if isinstance(site.parent, ast.Tuple) and _is_table(site) and len(site.parent.elts) > 1:
        yield None
    if isinstance(node, ast.AugAssign) or _is_action(node):
        yield ast.Pass()


def _is_table(site: _Site) -> bool:
    """Rows of a tuple that is a table. Without a rule of algebra nothing is wrong."""
    node = site.node
    makes = site.field == "elts" and isinstance(node, ast.Call) and "." not in site.where
    return makes and _text(node.func) != "Rule" if isinstance(node, ast.Call) else False


def _is_action(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    other = _OPERATORS.get(type(node.op))
    if other is not None:
        yield ast.BinOp(node.left, other(), node.right)
    if isinstance(node.op, _ORDERED):
        yield ast.BinOp(node.right, node.op, node.left)


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    first, *rest = node.ops
    yield ast.Compare(node.left, [_RELATIONS[type(first)](), *rest], node.comparators)


def _connective(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for value in node.values:
        others = [v for v in node.values if v is not value]
        yield others[0] if len(others) == 1 else ast.BoolOp(node.op, others)


def _sign(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value > 0:
            yield ast.Constant(value - 1)
    elif isinstance(value, float):
        yield ast.Constant(2 * value or 1.0)


def _choice(node: ast.IfExp) -> Iterator[ast.AST]:
    yield node.body
    yield node.orelse


def _branch(node: ast.If) -> Iterator[ast.AST]:
    yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    if not isinstance(node.body[-1], ast.Raise):
        yield ast.If(ast.Constant(False), node.body, node.orelse)


def _call(node: ast.Call) -> Iterator[ast.AST]:
    if len(node.args) > 1 and not _has_one_order(node):
        first, second, *rest = node.args
        yield ast.Call(node.func, [second, first, *rest], node.keywords)
    if isinstance(node.func, ast.Attribute) and node.func.attr == "lt" and len(node.args) == 1:
        yield ast.Call(ast.Attribute(node.args[0], "lt"), [node.func.value], node.keywords)


def _has_one_order(node: ast.Call) -> bool:
    """A constructor's operands, or an operation and its own, have types that tell them apart; for
    the least and the largest of several their order is nothing.
    """
    name = _text(node.func)
    typed = name[0].isupper() or any(_text(arg).startswith("Op.") for arg in node.args)
    return typed or name in ("min", "max")


def _attribute(node: ast.Attribute) -> Iterator[ast.AST]:
    if node.attr in _NEIGHBOURS:
        yield ast.Attribute(node.value, _NEIGHBOURS[node.attr])


def _name(node: ast.Name) -> Iterator[ast.AST]:
    if node.id in _NEIGHBOURS and isinstance(node.ctx, ast.Load):
        yield ast.Name(_NEIGHBOURS[node.id])


def _dict(node: ast.Dict) -> Iterator[ast.AST]:
    """A row is gone."""
    for place in range(len(node.keys)):
        rows = [row for i, row in enumerate(zip(node.keys, node.values)) if i != place]
        yield ast.Dict([key for key, _ in rows], [value for _, value in rows])


_BY_KIND: dict[type[ast.AST], Callable[..., Iterator[ast.AST]]] = {
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.BoolOp: _connective,
    ast.UnaryOp: _sign,
    ast.Constant: _constant,
    ast.IfExp: _choice,
    ast.If: _branch,
    ast.Call: _call,
    ast.Attribute: _attribute,
    ast.Name: _name,
    ast.Dict: _dict,
}
