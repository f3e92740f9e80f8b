"""What a row of torch's domain says: which dtypes it judges, how, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from oracles.formats import Array
from oracles.numpy_ref.support import common, convert
from oracles.promotion import to_float

INTEGERS = ("int8", "int16", "int32", "int64", "uint8")
FLOATS = ("float16", "bfloat16", "float32", "float64")
NUMBERS = INTEGERS + FLOATS
ALL = ("bool", *NUMBERS)

Attributes = Mapping[str, Any]
Call = Callable[[Any, list[Any], Attributes], Any]
"""torch, the operands as tensors, the attributes -> torch's result."""

Exclusion = Callable[[str, Sequence[Array], Attributes], Array]
"""Name of the row, operands, attributes -> the elements of the result that are not judged."""


class NotJudged(Exception):
    """torch is not a judge here; the message says why."""


class Comparison(Enum):
    """How torch's answer is compared; NaN is always one class."""

    BITS = "bits"
    VALUES = "values: the sign of zero is not compared"
    ULPS = "within the row's tolerance in ulps"


@dataclass(frozen=True)
class Domain:
    """Where torch judges one row.

    `excluded` are the elements that it does not judge; `prepare` turns the operands into those that
    torch is given (None: the common dtype of all); `refuses` says why operand dtypes and attributes
    are beyond it.
    """

    dtypes: tuple[str, ...] = ()
    comparison: Comparison = Comparison.BITS
    excluded: tuple[Exclusion, ...] = ()
    prepare: Callable[[Sequence[Array]], list[Array]] | None = None
    refuses: Callable[[Sequence[str], Attributes], str | None] | None = None
    tolerance_ulp: float = 0.0
    reasons: Mapping[str, str] = field(default_factory=dict)
    never: str | None = None


def never(reason: str) -> Domain:
    """A row that torch is not asked about."""
    return Domain(never=reason)


BOOL_RAISES = {"bool": "torch raises for bool"}


def in_float(args: Sequence[Array]) -> list[Array]:
    """Operands of functions and divisions: in the default float where they are integers."""
    return [convert(one, to_float(one.dtype.name)) for one in common(*args)]


def by_name(torch_name: str) -> Call:
    """The function of torch with this name, applied to the operands alone."""

    def call(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        return getattr(torch, torch_name)(*tensors)

    return call


def torch_dtype(torch: Any, name: str) -> Any:
    """torch's dtype of this name."""
    return getattr(torch, name)
