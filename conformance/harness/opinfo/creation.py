"""Tensors from numbers, and of the shape of others."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from conformance.harness.opinfo.adapter import Adapter, Use, needs, number, plain, use


def _fits(value: Any, dtype: Any) -> Any:
    """A number that the dtype has, since others raise."""
    negative = not isinstance(value, bool) and value < 0
    needs(not negative or str(dtype) != "torch.uint8", "a negative number of an unsigned dtype")
    return value


def _arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None) -> Use:
    first, last = (0, start) if end is None else (start, end)
    needs(not any(isinstance(n, bool) for n in (first, last, step)), "a range of bools")
    for n in (first, last):
        _fits(n, dtype)
    floats = any(isinstance(n, float) for n in (first, last, step))
    needs(not floats or "int" not in str(dtype), "floats as ends of a range of integers")
    length = (last - first) / step if step and math.isfinite(last - first) else 0
    exact = (Fraction(last) - Fraction(first)) / Fraction(step) if length else 0
    needs(math.ceil(length) == math.ceil(exact), "a length that torch rounds before it counts")
    return use("arange", start=first, stop=last, step=step, dtype=dtype)


def _linspace(start: Any, end: Any, steps: Any, *, dtype: Any = None) -> Use:
    needs(not hasattr(start, "shape") and not hasattr(end, "shape"), "ends in tensors")
    return use("linspace", start=start, stop=end, steps=steps, dtype=dtype)


def _eye(n: int, m: int | None = None, *, dtype: Any = None) -> Use:
    return use("eye", n=n, m=m, dtype=dtype)


def _full(size: Any, fill_value: Any, *, dtype: Any = None) -> Use:
    return use("full", shape=size, fill_value=_fits(number(fill_value), dtype), dtype=dtype)


def _filled(method: str) -> Adapter:
    def adapt(size: Any, *, dtype: Any = None) -> Use:
        return use(method, plain(size), dtype=dtype)

    return adapt


def _full_like(input: Any, fill_value: Any, *, dtype: Any = None) -> Use:
    value = _fits(number(fill_value), dtype or input.dtype)
    return use("full_like", input, fill_value=value, dtype=dtype)


def _like(method: str) -> Adapter:
    def adapt(input: Any, *, dtype: Any = None) -> Use:
        return use(method, input, dtype=dtype)

    return adapt


def _scalar_tensor(s: Any, *, dtype: Any = None) -> Use:
    return use("const", b=_fits(s, dtype), dtype=dtype)


ADAPTERS: dict[str, Adapter] = {
    "arange": _arange,
    "linspace": _linspace,
    "eye": _eye,
    "full": _full,
    "zeros": _filled("zeros"),
    "ones": _filled("ones"),
    "full_like": _full_like,
    "zeros_like": _like("zeros_like"),
    "ones_like": _like("ones_like"),
    "scalar_tensor": _scalar_tensor,
}
