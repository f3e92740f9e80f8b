"""Result dtypes of operators, stated as tables.

Source: the contract's section on dtypes and promotion.  Stated here without reading the engine;
a meta-test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oracles.formats import FORMATS

DEFAULT_FLOAT = "float32"
DEFAULT_INT = "int32"

_FLOATS_BY_WIDTH: tuple[tuple[str, ...], ...] = (
    ("float64",), ("float32",), ("bfloat16", "float16"),
    ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
)  # fmt: skip
_BESIDE_EACH_OTHER = "float32"  # two floats of one width, neither of which holds the other
_SIGNED_BY_BITS = {8: "int8", 16: "int16", 32: "int32", 64: "int64"}

Attributes = Mapping[str, Any]


def promote(*names: str) -> str:
    """The common dtype of several dtypes; integers are folded from the left.

    A float absorbs any integer of whatever width.  Of floats the widest count.
    """
    if not names:
        raise TypeError("promote needs at least one dtype")
    for width in _FLOATS_BY_WIDTH:
        found = {name for name in names if name in width}
        if found:
            return found.pop() if len(found) == 1 else _BESIDE_EACH_OTHER
    result = names[0]
    for name in names[1:]:
        result = _promote_pair(result, name)
    return result


def _promote_pair(left: str, right: str) -> str:
    """bool < integers."""
    if left == right:
        return left
    if "bool" in (left, right):
        return right if left == "bool" else left
    return _promote_integers(left, right)


def _promote_integers(left: str, right: str) -> str:
    """Same signedness: the wider.  Mixed: the next signed type, except that uint64 wins."""
    a, b = FORMATS[left], FORMATS[right]
    if a.kind == b.kind:
        return left if a.bits >= b.bits else right
    signed, unsigned = (a, b) if a.kind == "int" else (b, a)
    if unsigned.bits == 64:
        return "uint64"
    if signed.bits > unsigned.bits:
        return signed.name
    return _SIGNED_BY_BITS[unsigned.bits * 2]


def weak(dtype: str, scalar: bool | int | float) -> str:
    """The common dtype of a tensor and a Python scalar, which is weak."""
    kind = FORMATS[dtype].kind
    if isinstance(scalar, bool):
        return dtype
    if isinstance(scalar, int):
        return DEFAULT_INT if kind == "bool" else dtype
    return dtype if kind == "float" else DEFAULT_FLOAT


def to_float(name: str) -> str:
    """The dtype of a function of real numbers: integers and bool become the default float."""
    return name if FORMATS[name].is_float else DEFAULT_FLOAT


def sum_dtype(name: str) -> str:
    """The dtype that sum, prod and matmul return: nothing below 32 bits among integers."""
    row = FORMATS[name]
    if row.is_float or row.bits >= 32:
        return name
    return "uint32" if row.kind == "uint" else "int32"


def accumulator(name: str) -> str:
    """The dtype in which a sum that returns `name` is accumulated."""
    row = FORMATS[name]
    return "float32" if row.is_float and row.bits < 32 else sum_dtype(name)


def _common(dtypes: Sequence[str], attributes: Attributes) -> str:
    return promote(*dtypes)


def _true_division(dtypes: Sequence[str], attributes: Attributes) -> str:
    return to_float(promote(*dtypes))


def _quotient(dtypes: Sequence[str], attributes: Attributes) -> str:
    """True division is in floats; with a rounding mode it keeps integers, and refuses bools."""
    dtype = promote(*dtypes)
    if attributes.get("rounding_mode") is None:
        return to_float(dtype)
    if dtype == "bool":
        raise TypeError("the quotient of bools has no rounding mode")
    return dtype


def _with_zero(dtypes: Sequence[str], attributes: Attributes) -> str:
    return weak(dtypes[0], 0)


def _with_scalars(dtypes: Sequence[str], attributes: Attributes) -> str:
    """The first operand beside the weak scalars among the attributes."""
    dtype = dtypes[0]
    for key in ("min_", "max_", "value"):
        if attributes.get(key) is not None:
            dtype = weak(dtype, attributes[key])
    return dtype


def _truth(dtypes: Sequence[str], attributes: Attributes) -> str:
    return "bool"


def _floating(dtypes: Sequence[str], attributes: Attributes) -> str:
    requested = attributes.get("dtype")
    return str(requested) if requested is not None else to_float(dtypes[0])


def _index(dtypes: Sequence[str], attributes: Attributes) -> str:
    return DEFAULT_INT


def _requested(dtypes: Sequence[str], attributes: Attributes) -> str:
    return str(attributes["dtype"])


def _first(dtypes: Sequence[str], attributes: Attributes) -> str:
    return dtypes[0]


def _named(dtypes: Sequence[str], attributes: Attributes) -> str:
    """Result k has the dtype of operand k."""
    number = int(attributes.get("output", 0))
    if number >= len(dtypes):
        raise TypeError(f"there are {len(dtypes)} results, no number {number}")
    return dtypes[number]


def _spaced(dtypes: Sequence[str], attributes: Attributes) -> str:
    return str(attributes.get("dtype") or DEFAULT_FLOAT)


def _branches(dtypes: Sequence[str], attributes: Attributes) -> str:
    return promote(*dtypes[1:])


def _accumulated(dtypes: Sequence[str], attributes: Attributes) -> str:
    requested = attributes.get("dtype")
    return str(requested) if requested is not None else sum_dtype(dtypes[0])


def _contracted(dtypes: Sequence[str], attributes: Attributes) -> str:
    requested = attributes.get("dtype")
    return str(requested) if requested is not None else sum_dtype(promote(*dtypes))


def _interpolated(dtypes: Sequence[str], attributes: Attributes) -> str:
    """Elements between two others are floats; the nearest one is what it was."""
    return to_float(dtypes[0]) if attributes.get("mode", "linear") == "linear" else dtypes[0]


def _creation(dtypes: Sequence[str], attributes: Attributes) -> str:
    if attributes.get("dtype") is not None:
        return str(attributes["dtype"])
    keys = ("fill_value", "start", "stop", "step")
    scalars = [attributes[key] for key in keys if attributes.get(key) is not None]
    if any(isinstance(scalar, float) for scalar in scalars):
        return DEFAULT_FLOAT
    if scalars and all(isinstance(scalar, bool) for scalar in scalars):
        return "bool"
    return DEFAULT_INT


def _drawn_float(dtypes: Sequence[str], attributes: Attributes) -> str:
    return str(attributes.get("dtype") or DEFAULT_FLOAT)


def _drawn_int(dtypes: Sequence[str], attributes: Attributes) -> str:
    return str(attributes.get("dtype") or DEFAULT_INT)


def _word(dtypes: Sequence[str], attributes: Attributes) -> str:
    return "uint32"


RULES: dict[str, Callable[[Sequence[str], Attributes], str]] = {
    "common": _common,
    "to_float": _true_division,
    "quotient": _quotient,
    "with_zero": _with_zero,
    "with_scalars": _with_scalars,
    "truth": _truth,
    "index": _index,
    "floating": _floating,
    "requested": _requested,
    "first": _first,
    "named": _named,
    "spaced": _spaced,
    "branches": _branches,
    "accumulated": _accumulated,
    "contracted": _contracted,
    "interpolated": _interpolated,
    "creation": _creation,
    "drawn_float": _drawn_float,
    "drawn_int": _drawn_int,
    "word": _word,
}
"""How a catalog row's `result` word turns operand dtypes and attributes into a dtype."""

SENTENCES: dict[str, str] = {
    "common": "the common dtype of the operands",
    "to_float": "the common dtype of the operands; the default float where that is no float",
    "quotient": "the default float for integers; with a rounding mode, the common dtype",
    "with_zero": "that of the operand; bool gives the default integer",
    "with_scalars": "that of the tensor beside the scalars, which are weak",
    "truth": "bool",
    "index": "the default integer",
    "floating": "the attribute `dtype`; else that of the operand, the default float for integers",
    "requested": "the attribute `dtype`",
    "first": "that of the first operand",
    "named": "result k has the dtype of operand k",
    "spaced": "the attribute `dtype`, else the default float",
    "branches": "the common dtype of the operands behind the first",
    "accumulated": "the attribute `dtype`; else that of the operand, at least 32 bits of integers",
    "contracted": "the common dtype of the operands, at least 32 bits of integers",
    "interpolated": "the default float for integers in mode linear; else that of the operand",
    "creation": "the attribute `dtype`; else the default dtype of the scalars' kind",
    "drawn_float": "the attribute `dtype`, else the default float",
    "drawn_int": "the attribute `dtype`, else the default integer",
    "word": "uint32",
}
"""The rules in words, for readers of the pages on operators."""
