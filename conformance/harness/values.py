"""The attribute values of a case as text: a small grammar of its own, so nothing is evaluated.

    value  = None | True | False | integer | float | string | ... | tuple | slice
    float  = f and the 16 hexadecimal digits of its binary64 bits, so -0.0 and NaNs stay themselves
    string = letters, digits and _ , . > ( ) - between single quotes, a blank as ~
    tuple  = () | (value,) | (value,value ...)       no blanks, so that a statement splits on them
    slice  = slice(value,value,value)

Limits hold for hostile text: nesting, length of tuples, size of integers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from types import EllipsisType

Value = bool | int | float | str | slice | EllipsisType | tuple["Value", ...] | None

MAX_DEPTH = 6
MAX_ITEMS = 64
MAX_INTEGER = 1 << 64  # bounds are inclusive: the grammar carries every integer dtype
_WORD = re.compile(
    r"(?P<name>None|True|False)\b|(?P<float>f[0-9a-f]{16})\b|(?P<int>-?[0-9]{1,20})(?![0-9])"
    r"|'(?P<str>[A-Za-z0-9_,.>()~-]{0,64})'|(?P<dots>\.\.\.)|(?P<slice>slice\()|(?P<tuple>\()",
    re.ASCII,
)
_NAMES: dict[str, Value] = {"None": None, "True": True, "False": False}


def print_value(value: Value) -> str:
    """The text of a value; TypeError for what the grammar has no word for."""
    if isinstance(value, float):
        return "f" + struct.pack(">d", value).hex()
    if isinstance(value, tuple):
        inner = ",".join(print_value(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return "slice(" + ",".join(print_value(part) for part in parts) + ")"
    if value is Ellipsis:
        return "..."
    if value is None or isinstance(value, bool | int):
        return str(value)
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_,.>() -]{0,64}", value):
        return "'" + value.replace(" ", "~") + "'"
    raise TypeError(f"a case cannot hold {value!r}")


def parse_value(text: str) -> Value:
    """The value that `text` is, all of it; ValueError says what is wrong."""
    value, end = _value(text, 0, 0)
    if end != len(text):
        raise ValueError(f"unexpected {text[end : end + 12]!r} after a value")
    return value


def _value(text: str, at: int, depth: int) -> tuple[Value, int]:
    if depth > MAX_DEPTH:
        raise ValueError("values are nested too deeply")
    match = _WORD.match(text, at)
    if match is None:
        raise ValueError(f"not a value: {text[at : at + 24]!r}")
    kind = str(match.lastgroup)
    if kind == "tuple":
        return _items(text, match.end(), depth)
    if kind == "slice":
        items, end = _items(text, match.end(), depth)
        return _slice(items), end
    return _ATOMS[kind](match[kind]), match.end()


def _float(word: str) -> float:
    number: float = struct.unpack(">d", bytes.fromhex(word[1:]))[0]
    return number


def _integer(word: str) -> int:
    number = int(word)
    if abs(number) > MAX_INTEGER:
        raise ValueError(f"the integer {word} is out of range")
    return number


def _dots(word: str) -> EllipsisType:
    return ...


_ATOMS: dict[str, Callable[[str], Value]] = {
    "name": _NAMES.__getitem__,
    "float": _float,
    "int": _integer,
    "str": lambda word: word.replace("~", " "),
    "dots": _dots,
}


def _items(text: str, at: int, depth: int) -> tuple[tuple[Value, ...], int]:
    """The items after an opening parenthesis, and the place behind the closing one."""
    items: list[Value] = []
    while not text.startswith(")", at):
        item, at = _value(text, at, depth + 1)
        items.append(item)
        if len(items) > MAX_ITEMS:
            raise ValueError(f"a tuple holds at most {MAX_ITEMS} items")
        if text.startswith(",", at):
            at += 1
        elif len(items) == 1 or not text.startswith(")", at):
            raise ValueError("expected ',' or ')' in a tuple")
    return tuple(items), at + 1


def _slice(items: tuple[Value, ...]) -> slice:
    if len(items) != 3 or any(type(item) not in (int, type(None)) for item in items):
        raise ValueError("a slice holds three integers or None")
    return slice(*items)
