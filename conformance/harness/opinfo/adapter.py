"""How one of torch's samples is written for this engine.

An adapter is a function with the parameters that torch's operator has; it gives the uses of ours
that the sample asks for, or raises LeftOut with the reason why there are none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oracles.catalog import ROWS
from oracles.formats import Array

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64",
)  # fmt: skip


MAX_AXES = 64
NO_AXES = "an axis of a tensor that has none"


class LeftOut(Exception):
    """A sample that asks for what there is not here; the message says for what."""


@dataclass(frozen=True)
class Use:
    """One call of ours: a method of the first operand, or of the class where there is none.

    Operands are torch's tensors, or Python numbers in the place of one. `row` is the row of the
    catalog that judges the result, None where torch alone does; `implied` are attributes of the row
    that the name of the method says.

    Of torch's result `part` is the place where there are several. `near` says why a result that
    torch could judge exactly is only near, `unlike` why torch is not asked, and `counts` takes the
    operands as arrays and gives the elements on which it is.
    """

    method: str
    operands: tuple[Any, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    row: str | None = None
    implied: Mapping[str, Any] = field(default_factory=dict)
    part: int | None = None
    near: str = ""
    unlike: str = ""
    counts: Callable[[Sequence[Array]], Array] | None = None


Adapter = Callable[..., Use | list[Use]]


def use(method: str, *operands: Any, **attributes: Any) -> Use:
    """A use that the row of its name judges, if there is one. Attributes of None are left out."""
    given = {name: plain(value) for name, value in attributes.items() if value is not None}
    return Use(method, operands, given, method if method in ROWS else None)


def plain(value: Any) -> Any:
    """An attribute as Python has it: names of dtypes, tuples, numbers."""
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    text = str(value)
    if type(value).__module__ == "torch" and text.startswith("torch."):
        return dtype_name(value)
    return value


def dtype_name(dtype: Any) -> str:
    """The name of one of torch's dtypes, which must be one of ours."""
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise LeftOut(f"dtype {name}")
    return name


def needs(fact: bool, otherwise: str) -> None:
    """LeftOut unless this holds."""
    if not fact:
        raise LeftOut(otherwise)


def number(value: Any) -> Any:
    """A Python number that a sample has, or that stands in a tensor without axes."""
    if hasattr(value, "item"):
        needs(value.numel() == 1, "a number in a tensor of several")
        value = value.item()
    needs(not isinstance(value, complex), "complex numbers")
    return value


# -- what all samples share ------------------------------------------------------------------------
_PLAIN = {"device": ("cpu",), "requires_grad": (False,), "pin_memory": (False, None)}
_NAMED = {
    "layout": ("torch.strided",),
    "memory_format": ("torch.preserve_format", "torch.contiguous_format"),
}


def translated(adapter: Adapter, sample: Any) -> list[Use]:
    """The uses of a sample; LeftOut if it asks for what there is not."""
    positional = [sample.input, *sample.args]
    keywords = {name: value for name, value in sample.kwargs.items() if not _is_plain(name, value)}
    needs("out" not in keywords, "out=")
    for name in _NAMED:
        needs(name not in keywords, name)
    for value in _flat([positional, list(keywords.values())]):
        _check(value)
    try:
        bound = inspect.signature(adapter).bind(*positional, **keywords)
    except TypeError as error:
        raise LeftOut(f"arguments: {error}") from error
    found = adapter(*bound.args, **bound.kwargs)
    return found if isinstance(found, list) else [found]


def _is_plain(name: str, value: Any) -> bool:
    """Arguments that ask for nothing special."""
    if name in _NAMED:
        return value is None or str(value) in _NAMED[name]
    return name in _PLAIN and value in _PLAIN[name]


def _flat(values: Any) -> list[Any]:
    if isinstance(values, list | tuple):
        return [leaf for value in values for leaf in _flat(value)]
    return [values]


def _check(value: Any) -> None:
    needs(not isinstance(value, complex), "complex numbers")
    if hasattr(value, "is_sparse"):
        needs(str(value.layout) == "torch.strided", "sparse tensors")
        needs(value.device.type == "cpu", "another device")
        needs(value.ndim <= MAX_AXES, "more axes than numpy has")
        needs(not value.is_complex(), "complex numbers")
        dtype_name(value.dtype)
