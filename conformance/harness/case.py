"""A case: inputs as bit patterns, statements by catalog names, outputs, expected bits.

    lockstep case 1
    # 0.1 + 0.2                                    notes, kept
    devices LLVM CPU                               where it is meant to run; none means all
    %0 = buffer float32 (2,)                       an input in memory; its bits follow, indented
        3dcccccd 7fc00001
    %1 = const float32 ()                          an input as constants inside the program
        3e4ccccd
    %2 = add %0 %1                                 a catalog row, operands, attributes
    %3 = sum %2 axis=(0,) keepdim=True             values: see `values`
    output %3
    expect                                         optional: the bits of the output above
        7fc00000

Bits are hexadecimal, one word an element.  A case is text that anyone may send: parsing executes
nothing, limits what it allocates, and names the line that is wrong.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from conformance.harness.values import Value, parse_value, print_value
from oracles.catalog import OUTPUT, ROWS, OpRow, result_dtype
from oracles.formats import FORMATS, Format

VERSION = 1
MAX_TEXT = 1 << 24
MAX_VALUES = 4096
MAX_OUTPUTS = 256
MAX_NOTES = 1024
MAX_ELEMENTS = 1 << 24
MAX_RANK = 16
CONST_LIMIT = 16  # elements of an input that may be embedded in the program


@dataclass(frozen=True)
class Input:
    """Bits in little-endian order.  `const` embeds them in the program instead of a buffer."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes
    const: bool = False

    def __post_init__(self) -> None:
        row = FORMATS.get(self.dtype)
        if row is None:
            raise ValueError(f"{self.dtype!r} is not a dtype")
        if len(self.shape) > MAX_RANK or any(n < 0 for n in self.shape):
            raise ValueError(f"{self.shape} is not a shape")
        count = prod(self.shape)
        if prod(max(1, n) for n in self.shape) > MAX_ELEMENTS:
            raise ValueError(f"an input holds at most {MAX_ELEMENTS} elements")
        if self.const and count > CONST_LIMIT:
            raise ValueError(f"a const input holds at most {CONST_LIMIT} elements")
        if len(self.data) != count * row.bits // 8:
            raise ValueError(f"{self.dtype} {self.shape} needs {count} words")
        if row.kind == "bool" and self.data.strip(b"\0\1"):
            raise ValueError("a bool is 00 or 01")


@dataclass(frozen=True, eq=False)
class Statement:
    """One catalog row applied to earlier values, which are numbered from 0, inputs first.

    Statements are equal when their texts are: 0.0 is not -0.0 here, and a NaN is itself.
    """

    op: str
    operands: tuple[int, ...]
    attributes: Mapping[str, Value] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Statement) and print_statement(self) == print_statement(other)

    def __hash__(self) -> int:
        return hash(print_statement(self))


@dataclass(frozen=True)
class Case:
    """A program.  `expected[k]` are the bits of `outputs[k]`, or None where nothing is claimed."""

    inputs: tuple[Input, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[int, ...]
    expected: tuple[bytes | None, ...] = ()
    devices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.outputs:
            raise ValueError("a case needs an output")
        if self.expected and len(self.expected) != len(self.outputs):
            raise ValueError("expected bits belong to outputs one to one")

    @property
    def count(self) -> int:
        """How many values there are, inputs included."""
        return len(self.inputs) + len(self.statements)

    def statement_of(self, value: int) -> Statement | None:
        """The statement that makes a value; None for inputs."""
        k = value - len(self.inputs)
        return self.statements[k] if k >= 0 else None

    @cached_property
    def text(self) -> str:
        """The case as text."""
        return print_case(self)

    def with_notes(self, *notes: str) -> Case:
        """The same program with other notes; line breaks become spaces."""
        return replace(self, notes=tuple(" ".join(note.split()) for note in notes))


# -- printing --------------------------------------------------------------------------------------
def print_case(case: Case) -> str:
    """The text of a case; `parse_case` gives an equal case back, and its text is the same text."""
    lines = [f"lockstep case {VERSION}"]
    lines += [f"# {note}".rstrip() for note in case.notes]
    if case.devices:
        lines.append("devices " + " ".join(case.devices))
    for k, item in enumerate(case.inputs):
        kind = "const" if item.const else "buffer"
        lines.append(f"%{k} = {kind} {item.dtype} {print_value(item.shape)}")
        lines += _print_words(item.data, FORMATS[item.dtype])
    for k, statement in enumerate(case.statements, len(case.inputs)):
        lines.append(f"%{k} = {print_statement(statement)}")
    for k, value in enumerate(case.outputs):
        lines.append(f"output %{value}")
        bits = case.expected[k] if case.expected else None
        if bits is not None:
            lines.append("expect")
            lines += _print_words(bits, FORMATS[_output_dtype(case, value)])
    return "\n".join(lines) + "\n"


def print_statement(statement: Statement) -> str:
    """`op %operand … name=value …`."""
    words = [statement.op, *(f"%{k}" for k in statement.operands)]
    words += [f"{name}={print_value(value)}" for name, value in statement.attributes.items()]
    return " ".join(words)


def hex_words(data: bytes, row: Format) -> list[str]:
    """Bits as a case has them: one hexadecimal word an element."""
    size = row.bits // 8
    return [data[k : k + size][::-1].hex() for k in range(0, len(data), size)]


def _print_words(data: bytes, row: Format) -> list[str]:
    words = hex_words(data, row)
    line = max(1, 88 // (row.bits // 4 + 1))
    return ["    " + " ".join(words[k : k + line]) for k in range(0, len(words), line)]


def _output_dtype(case: Case, value: int) -> str:
    return value_dtypes(case)[value]


def value_dtypes(case: Case) -> list[str]:
    """The dtype of every value, by the catalog's typing rules; TypeError where they forbid it."""
    names = [item.dtype for item in case.inputs]
    for statement in case.statements:
        operands = [names[k] for k in statement.operands]
        names.append(result_dtype(statement.op, operands, statement.attributes))
    return names


# -- parsing ---------------------------------------------------------------------------------------
_INPUT = re.compile(r"%(\d{1,6}) = (const|buffer) (\w+) (\(\S*\))", re.ASCII)
_STATEMENT = re.compile(r"%(\d{1,6}) = ([a-z][a-z0-9_]*)((?: \S+)*)", re.ASCII)
_ATTRIBUTE = re.compile(r"([a-z][a-z0-9_]*)=(\S+)", re.ASCII)
_OPERAND = re.compile(r"%(\d{1,6})", re.ASCII)
_TAKEN = r"[a-z0-9_]{1,31}"
_NAME = r"[A-Z][A-Z0-9_]{0,31}"
_DEVICE = re.compile(
    rf"{_NAME}(:{_NAME})?(:\d{{1,3}})?(/{_TAKEN}(,{_TAKEN}){{0,7}})?", re.ASCII
)
_VERSION = re.compile(r"lockstep case (\d{1,6})", re.ASCII)
_FILLED = ("pad", "pad_to", "masked_select", "nonzero")  # whose value is one of the result's dtype
_SCALARS = ("fill_value", "value", "start", "stop", "step")  # numbers, True and False among them


def is_device_name(text: str) -> bool:
    """Whether a device may have this name: a kind (`LLVM`, `WEBGPU:DAWN`), a number of up to three
    digits (`CPU:1`), and what EMULATE takes away from it (`LLVM/only_words`,
    `LLVM/int64,no_div`)."""
    return _DEVICE.fullmatch(text) is not None


def device_name(text: str) -> str:
    """The one spelling of a device's name, which may be written in lower case."""
    kind, slash, taken = text.partition("/")
    return kind.upper() + slash + taken


def kind_of(device: str) -> str:
    """A device's name without its number and without what is taken away from it."""
    name = device.partition("/")[0]
    kind, _, number = name.rpartition(":")
    return kind if number.isdigit() else name


def in_file_names(device: str) -> str:
    """A device's name with nothing that a file system takes for something else."""
    return re.sub(r"[:/,]", "_", device)


def read_case(file: Path) -> Case:
    """The case in a regular file, of which no more is read than a case may have."""
    return parse_case(read_text(file, MAX_TEXT))


def read_text(file: Path, limit: int) -> str:
    """The text of a regular file of at most `limit` bytes; ValueError for any other file."""
    number = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait
    with open(number, "rb") as stream:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("not a regular file")
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"at most {limit} bytes are read")
    return data.decode("utf-8")


def parse_case(text: str) -> Case:
    """The case that `text` describes; ValueError with the line number for anything else."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"a case has at most {MAX_TEXT} characters")
    return _Parser(text).parse()


class _Parser:
    """Line by line; `self.number` is the line that an error names."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.at = 0
        self.number = 0
        self.elements = 0
        self.inputs: list[Input] = []
        self.statements: list[Statement] = []
        self.outputs: list[int] = []
        self.expected: list[bytes | None] = []
        self.names: list[str] = []  # the dtype of each value
        self.devices: tuple[str, ...] = ()
        self.notes: list[str] = []

    def parse(self) -> Case:
        try:
            self._version()
            while (line := self._next()) is not None:
                self._line(line)
            return self._case()
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"line {self.number}: {error}") from error

    def _next(self) -> str | None:
        """The next line that is not blank, without its trailing blanks."""
        while self.at < len(self.lines):
            line = self.lines[self.at].rstrip()
            self.at += 1
            if line:
                self.number = self.at
                return line
        return None

    def _version(self) -> None:
        line = self._next() or ""
        match = _VERSION.fullmatch(line)
        if match is None:
            raise ValueError(f"expected 'lockstep case {VERSION}'")
        if int(match[1]) != VERSION:
            raise ValueError(f"version {match[1]} is not read here, only {VERSION}")

    def _line(self, line: str) -> None:
        if line.startswith("#"):
            self._note(line[1:].removeprefix(" "))
        elif line.startswith("devices "):
            self._devices(line.split()[1:])
        elif line.startswith("output "):
            self._output(line.removeprefix("output "))
        elif line == "expect":
            if not self.outputs or self.expected[-1] is not None:
                raise ValueError("'expect' belongs behind an output, once")
            self.expected[-1] = self._words(FORMATS[self.names[self.outputs[-1]]])
        elif match := _INPUT.fullmatch(line):
            self._input(match)
        elif match := _STATEMENT.fullmatch(line):
            self._statement(match)
        else:
            raise ValueError(f"not a line of a case: {line[:60]!r}")

    def _note(self, text: str) -> None:
        if len(self.notes) >= MAX_NOTES:
            raise ValueError(f"a case has at most {MAX_NOTES} notes")
        self.notes.append(text)

    def _devices(self, names: Sequence[str]) -> None:
        if not names or self.devices or not all(map(is_device_name, names)):
            raise ValueError("expected one line 'devices NAME …'")
        self.devices = tuple(names)

    def _words(self, row: Format) -> bytes:
        """The indented lines that follow, as bits; `at` moves behind them."""
        parts: list[bytes] = []
        while self.at < len(self.lines) and self.lines[self.at].startswith("    "):
            words = self.lines[self.at].split()
            self.at += 1
            self.number = self.at
            self.elements += len(words)
            if self.elements > MAX_ELEMENTS:
                raise ValueError(f"a case holds at most {MAX_ELEMENTS} words")
            parts.append(_parse_words(words, row))
        return b"".join(parts)

    def _number(self, word: str) -> None:
        count = len(self.inputs) + len(self.statements)
        if int(word) != count or count >= MAX_VALUES:
            raise ValueError(f"values are numbered in order below {MAX_VALUES}; expected %{count}")

    def _input(self, match: re.Match[str]) -> None:
        number, kind, dtype, shape = match.groups()
        if self.statements or self.outputs:
            raise ValueError("inputs come before statements and outputs")
        self._number(number)
        extents = parse_value(shape)
        row = FORMATS.get(dtype)
        if row is None:
            raise ValueError(f"{dtype!r} is not a dtype")
        if not isinstance(extents, tuple) or any(type(n) is not int for n in extents):
            raise ValueError(f"{shape} is not a shape")
        plain: tuple[Any, ...] = extents
        self.inputs.append(Input(dtype, plain, self._words(row), kind == "const"))
        self.names.append(dtype)

    def _statement(self, match: re.Match[str]) -> None:
        number, op, rest = match.groups()
        if self.outputs:
            raise ValueError("statements come before outputs")
        self._number(number)
        row = ROWS.get(op)
        if row is None:
            raise ValueError(f"{op!r} is not an operator of the catalog")
        operands: list[int] = []
        attributes: dict[str, Value] = {}
        for word in rest.split(" ")[1:]:
            if operand := _OPERAND.fullmatch(word):
                operands.append(self._earlier(int(operand[1])))
            elif attribute := _ATTRIBUTE.fullmatch(word):
                known = attribute[1] in row.attributes or attribute[1] == OUTPUT
                if not known or attribute[1] in attributes:
                    raise ValueError(f"{op} has no such attribute, or it is twice: {attribute[1]}")
                attributes[attribute[1]] = _attribute(row, attribute[1], attribute[2])
            else:
                raise ValueError(f"expected %operand or name=value, got {word[:40]!r}")
        if not row.takes(len(operands)):
            raise ValueError(f"{op} takes {row.operands} operands, got {len(operands)}")
        _check_output(row, attributes)
        result = result_dtype(op, [self.names[k] for k in operands], attributes)
        _check_attributes(op, attributes, result, len(operands))
        self.statements.append(Statement(op, tuple(operands), attributes))
        self.names.append(result)

    def _earlier(self, value: int) -> int:
        if value >= len(self.inputs) + len(self.statements):
            raise ValueError(f"%{value} is not defined before this line")
        return value

    def _output(self, word: str) -> None:
        match = _OPERAND.fullmatch(word)
        if match is None:
            raise ValueError("expected 'output %value'")
        if len(self.outputs) >= MAX_OUTPUTS:
            raise ValueError(f"a case has at most {MAX_OUTPUTS} outputs")
        self.outputs.append(self._earlier(int(match[1])))
        self.expected.append(None)

    def _case(self) -> Case:
        claimed = any(bits is not None for bits in self.expected)
        return Case(
            tuple(self.inputs), tuple(self.statements), tuple(self.outputs),
            tuple(self.expected) if claimed else (), self.devices, tuple(self.notes),
        )  # fmt: skip


def _attribute(row: OpRow, name: str, text: str) -> Value:
    """The value of an attribute; True is no integer, though numpy takes it for one.

    In an index it is a mask. An attribute whose default is a bool is one.
    """
    value = parse_value(text)
    choice = isinstance(row.defaults.get(name), bool)
    if choice or name in _SCALARS:
        allowed = bool if choice else bool | int | float
        if not isinstance(value, allowed) and not (name == "stop" and value is None):
            raise ValueError(f"{name}={text[:40]}: not a {'bool' if allowed is bool else 'number'}")
    elif name != "index" and _has_truth_value(value):
        raise ValueError(f"{name}={text[:40]}: a truth value where an integer is needed")
    return value


def _check_output(row: OpRow, attributes: Mapping[str, Value]) -> None:
    """Of several results one is named; where there is one, there is no such attribute."""
    number, count = attributes.get(OUTPUT), row.results(attributes)
    if count == 1 and OUTPUT not in attributes:
        return
    if count == 1 or type(number) is not int or not 0 <= number < count:
        raise ValueError(f"{row.name} has {count} results here, which output=0 … name")


def _check_attributes(
    op: str, attributes: Mapping[str, Value], result: str, operands: int
) -> None:
    """ValueError for what numpy takes and the engine, by its contract, does not."""
    if op == "arange" and "start" not in attributes:
        raise ValueError("arange needs a start")
    if op in ("arange", "linspace") and result == "bool":
        raise ValueError("there are no ranges of bool")
    for name in ("value", "fill_value"):
        given = attributes.get(name)
        if op in _FILLED and type(given) is float and not FORMATS[result].is_float:
            raise ValueError(f"a float is no value of {result}")
    index = attributes.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, tuple) for part in parts):
        raise ValueError("an index holds integers, slices, None and ..., no lists of places")
    if op == "getitem" and [p for p in parts if isinstance(p, str)] != [
        f"t{k}" for k in range(1, operands)
    ]:
        raise ValueError("an index names its operands t1, t2 … in order")


def _has_truth_value(value: Value) -> bool:
    if isinstance(value, tuple):
        return any(map(_has_truth_value, value))
    return isinstance(value, bool)


def _parse_words(words: Sequence[str], row: Format) -> bytes:
    digits = row.bits // 4
    valid = re.compile(f"[0-9a-f]{{{digits}}}", re.ASCII)
    for word in words:
        if valid.fullmatch(word) is None:
            raise ValueError(f"{row.name} words have {digits} hex digits, got {word[:40]!r}")
    return b"".join(bytes.fromhex(word)[::-1] for word in words)
