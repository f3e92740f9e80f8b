"""A sequence as text: a few statements of Python's grammar, which are read and never executed.

    lockstep sequence 1
    # x[1:] = x[:-1]                       notes, kept
    x = tensor([0, 1, 2, 3], 'int32')      what is made: see FUNCTIONS
    y = x[1:] * 2                          a view, then a value that is computed
    x[1:] = x[:-1]                         writes, in place or through an index
    y += 1
    with refused('IndexError'):            what must raise, and change nothing
        x[7] = 0
    for k in range(3):                     again and again
        x += y.sum(axis=0)
    realize(x)                             compute it now
    due(x, [5, 6, 7, 8])                   what is due: here, whatever is written later
    del y

A file may hold several; each begins with the first line. Python's own parser reads the text into
a tree, whose nodes must all be of the kinds that stand below; nothing here can name anything else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conformance.harness.case import MAX_TEXT as CASE_TEXT, read_text

HEADER = "lockstep sequence 1"
MAX_TEXT = 1 << 20
MAX_LINE = 1 << 16
MAX_STATEMENTS = 10_000
MAX_ROUNDS = 10_000
MAX_DEPTH = 64

FUNCTIONS = frozenset({"tensor", "bits", "full", "zeros", "arange", "variable"})
"""What makes a tensor, or a bound variable, where there was none."""
EFFECTS = frozenset({"due", "realize"})
METHODS = frozenset({
    # views
    "bitcast", "detach", "diagonal", "expand", "flatten", "flip", "permute", "reshape", "shrink",
    "squeeze", "transpose", "unfold", "unsqueeze",
    # copies
    "clone", "contiguous", "pad", "cat", "roll", "repeat",
    # itself, where there is nothing to do
    "cast", "to",
    # what is computed
    "sum", "prod", "max", "min", "any", "all", "mean", "argmax", "cumsum", "maximum", "minimum",
    "where", "abs", "neg", "sqrt", "square", "div", "matmul", "relu",
    # written whole
    "assign",
})  # fmt: skip
ERRORS = frozenset({"ValueError", "IndexError", "TypeError", "OverflowError", "RuntimeError"})

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_WORDS = re.compile(r"[A-Za-z0-9_ ]*", re.ASCII)
_UNARY = (ast.USub, ast.Invert)
_BINARY = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr,
    ast.BitXor, ast.LShift, ast.RShift, ast.MatMult,
)  # fmt: skip
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


@dataclass(frozen=True)
class Statement:
    """One statement; equal texts are equal statements."""

    text: str
    tree: ast.stmt = field(compare=False, repr=False)


@dataclass(frozen=True)
class Sequence:
    """Statements in order, and notes on them."""

    statements: tuple[Statement, ...]
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The sequence as text, which `parse_sequence` reads back."""
        lines = [HEADER, *(f"# {note}".rstrip() for note in self.notes)]
        return "\n".join([*lines, *(one.text for one in self.statements)]) + "\n"


def read_sequences(file: Path) -> list[Sequence]:
    """All sequences in a regular file; ValueError for anything else."""
    return parse_sequences(read_text(file, MAX_TEXT))


def is_sequence_file(file: Path) -> bool:
    """Whether a regular file begins as a sequence does; ValueError for no regular file."""
    return read_text(file, CASE_TEXT).startswith(HEADER)


def parse_sequences(text: str) -> list[Sequence]:
    """The sequences of a text, one behind the other; ValueError with the line number."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"sequences have at most {MAX_TEXT} characters")
    lines = text.split("\n")
    starts = [k for k, line in enumerate(lines) if line.rstrip() == HEADER]
    if not starts or any(line.strip() for line in lines[: starts[0]]):
        raise ValueError(f"line 1: expected {HEADER!r}")
    ends = [*starts[1:], len(lines)]
    return [_parse(lines[a + 1 : b], a + 2) for a, b in zip(starts, ends, strict=True)]


def parse_sequence(text: str) -> Sequence:
    """The one sequence that a text is."""
    found = parse_sequences(text)
    if len(found) != 1:
        raise ValueError(f"expected one sequence, got {len(found)}")
    return found[0]


def statement(text: str) -> Statement:
    """One statement; ValueError for what is none."""
    (only,) = _statements(text, 1)
    return only


def expression(text: str) -> ast.expr:
    """The tree of one expression; ValueError for what is none."""
    tree = statement(f"x = {text}").tree
    assert isinstance(tree, ast.Assign)
    return tree.value


def _parse(lines: list[str], first: int) -> Sequence:
    notes = []
    while lines and (not lines[0].strip() or lines[0].startswith("#")):
        line = lines.pop(0).rstrip()
        first += 1
        if line:
            notes.append(line[1:].removeprefix(" "))
    return Sequence(tuple(_statements("\n".join(lines), first)), tuple(notes))


def _statements(text: str, first: int) -> Iterator[Statement]:
    if max(map(len, text.split("\n"))) > MAX_LINE:
        raise ValueError(f"line {first}: a line has at most {MAX_LINE} characters")
    try:
        trees = ast.parse(text).body
    except SyntaxError as error:
        raise ValueError(f"line {first + (error.lineno or 1) - 1}: {error.msg}") from None
    except (MemoryError, RecursionError):
        raise ValueError(f"line {first}: nested too deeply") from None
    if len(trees) > MAX_STATEMENTS:
        raise ValueError(f"a sequence has at most {MAX_STATEMENTS} statements")
    for tree in trees:
        try:
            _check_statement(tree)
        except ValueError as error:
            raise ValueError(f"line {first + tree.lineno - 1}: {error}") from None
        yield Statement(ast.unparse(tree), tree)


# -- which trees are sequences ---------------------------------------------------------------------
def _check_statement(tree: ast.stmt, inside: bool = False) -> None:
    """ValueError unless the tree is a statement as they stand in the docstring above."""
    match tree:
        case ast.Assign(targets=[target], value=value):
            _check_target(target)
            _check(value)
        case ast.AugAssign(target=target, value=value):
            _check_target(target)
            _check(value)
        case ast.Expr(value=ast.Call() as call):
            _check(call, effect=True)
        case ast.Delete(targets=targets) if all(isinstance(one, ast.Name) for one in targets):
            pass
        case ast.With(items=[item], body=[one]) if not inside:
            _refused(item)
            _check_statement(one, inside=True)
        case ast.For(target=ast.Name(), body=body, orelse=[]) if not inside:
            rounds(tree)
            for one in body:
                _check_statement(one, inside=True)
        case _:
            raise ValueError(f"not a statement of a sequence: {ast.unparse(tree)[:60]!r}")


def rounds(tree: ast.For) -> int:
    """How often the body of a loop runs."""
    match tree.iter:
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(count))]):
            if 0 <= count <= MAX_ROUNDS:
                return count
    raise ValueError(f"a loop is over range(n), n at most {MAX_ROUNDS}")


def refused(tree: ast.With) -> str:
    """The name of the error that the body must raise."""
    return _refused(tree.items[0])


def _refused(item: ast.withitem) -> str:
    match item:
        case ast.withitem(
            context_expr=ast.Call(
                func=ast.Name(id="refused"), args=[ast.Constant(value=str(name))], keywords=[]
            ),
            optional_vars=None,
        ) if name in ERRORS:
            return name
    raise ValueError(f"expected refused('NAME') with one of {', '.join(sorted(ERRORS))}")


def _check_target(tree: ast.expr) -> None:
    match tree:
        case ast.Name(id=name):
            _check_name(name)
        case ast.Subscript(value=value, slice=key):
            _check(value)
            _check(key)
        case _:
            raise ValueError(f"nothing is written to {ast.unparse(tree)[:60]!r}")


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None or name in FUNCTIONS | EFFECTS:
        raise ValueError(f"not a name of a tensor: {name!r}")


def _check(tree: ast.expr | None, depth: int = 0, effect: bool = False) -> None:
    """ValueError unless the tree is an expression of names, numbers, operators and METHODS."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    match tree:
        case ast.Name(id=name):
            _check_name(name)
        case ast.Constant(value=value):
            _check_constant(value)
        case ast.UnaryOp(op=op) if isinstance(op, _UNARY):
            pass
        case ast.BinOp(op=op) if isinstance(op, _BINARY):
            pass
        case ast.Compare(ops=[op]) if isinstance(op, _COMPARISONS):
            pass
        case ast.Call():
            _check_call(tree, effect)
        case ast.Subscript() | ast.Slice() | ast.Tuple() | ast.List():
            pass
        case _:
            shown = ast.unparse(tree)[:60] if tree is not None else ""
            raise ValueError(f"not an expression of a sequence: {shown!r}")
    for child in _parts(tree):
        _check(child, depth + 1)


def _check_call(tree: ast.Call, effect: bool) -> None:
    names = FUNCTIONS | (EFFECTS if effect else frozenset())
    known = (isinstance(tree.func, ast.Name) and tree.func.id in names) or (
        isinstance(tree.func, ast.Attribute) and tree.func.attr in METHODS
    )
    if not known or any(word.arg is None for word in tree.keywords):
        raise ValueError(f"no such function or method: {ast.unparse(tree.func)[:60]!r}")


def _check_constant(value: object) -> None:
    if isinstance(value, str):
        if _WORDS.fullmatch(value) is None:
            raise ValueError("a string holds letters, digits and blanks")
    elif not isinstance(value, bool | int | float | None) and value is not ...:
        raise ValueError(f"not a constant of a sequence: {value!r}")


def _parts(tree: ast.expr) -> list[ast.expr]:
    """The expressions directly below one."""
    match tree:
        case ast.Call(func=func, args=args, keywords=keywords):
            receiver = [func.value] if isinstance(func, ast.Attribute) else []
            return [*receiver, *args, *(word.value for word in keywords)]
        case _:
            return [one for one in ast.iter_child_nodes(tree) if isinstance(one, ast.expr)]
