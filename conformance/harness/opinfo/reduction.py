"""Reductions, scans, orders, and the softmax family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.harness.opinfo.adapter import Adapter, Use, dtype_name, needs, use
from oracles.catalog import OUTPUT

UNSTABLE = "torch puts equal elements in any order"


def _over(method: str) -> Adapter:
    """Over all axes, or over those that `dim` names."""

    def adapt(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Use:
        return use(method, input, axis=dim, keepdim=keepdim, dtype=dtype)

    return adapt


def _plain_over(method: str) -> Adapter:
    """The same, without a dtype of its own."""

    def adapt(input: Any, dim: Any = None, keepdim: bool = False) -> Use:
        return use(method, input, axis=dim, keepdim=keepdim)

    return adapt


def _mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Use:
    needs(dtype is None or dtype_name(dtype) == dtype_name(input.dtype), "mean in another dtype")
    return use("mean", input, axis=dim, keepdim=keepdim)


def _both(*methods: str) -> Adapter:
    """One call of torch's that gives what several of ours do."""

    def adapt(input: Any, dim: Any = None, keepdim: bool = False) -> list[Use]:
        given = {"axis": dim, "keepdim": keepdim}
        return [replace(use(name, input, **given), part=k) for k, name in enumerate(methods)]

    return adapt


def _moment(method: str) -> Adapter:
    """The correction is a number, or whether there is one."""

    def adapt(
        input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: Any = None,
    ) -> Use:  # fmt: skip
        given = correction if unbiased is None else int(unbiased)
        needs(not isinstance(given, float), "a correction that is no integer")
        return use(method, input, axis=dim, keepdim=keepdim, correction=given)

    return adapt


def _unbiased(method: str) -> Adapter:
    def adapt(input: Any, unbiased: bool) -> Use:
        return use(method, input, correction=int(unbiased))

    return adapt


def _scan(method: str) -> Adapter:
    def adapt(input: Any, dim: int, *, dtype: Any = None) -> Use:
        return use(method, input, axis=dim, dtype=dtype)

    return adapt


def _extreme(method: str) -> Adapter:
    def adapt(input: Any, dim: int) -> list[Use]:
        values, places = _results(use(method, input, axis=dim))
        return [values, replace(places, unlike="torch names the last of equal elements")]

    return adapt


def _results(made: Use) -> list[Use]:
    """The two results of a row, one by one."""
    return [replace(made, attributes={**made.attributes, OUTPUT: k}, part=k) for k in range(2)]


def _sort(
    input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False
) -> list[Use]:
    values, places = _results(use("sort", input, dim=dim, descending=descending))
    return [values, places if stable else replace(places, unlike=UNSTABLE)]


def _argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Use:
    made = use("argsort", input, dim=dim, descending=descending)
    return made if stable else replace(made, unlike=UNSTABLE)


def _msort(input: Any) -> Use:
    return use("sort", input, dim=0, **{OUTPUT: 0})


def _topk(
    input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> list[Use]:
    made = use("topk", input, k=k, dim=dim, largest=largest, sorted_=sorted)
    values, places = _results(made)
    return [values, replace(places, unlike=UNSTABLE)]


def _along(method: str) -> Adapter:
    """softmax and its like."""

    def adapt(input: Any, dim: int, *, dtype: Any = None) -> Use:
        return use(method, input, axis=dim, dtype=dtype)

    return adapt


def _softmin(input: Any, dim: int, *, dtype: Any = None) -> Use:
    made = use("softmin", input, axis=dim, dtype=dtype)
    unsigned = str(input.dtype) == "torch.uint8"
    return replace(made, unlike="torch negates unsigned integers") if unsigned else made


def _logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Use:
    return use("logsumexp", input, axis=dim, keepdim=keepdim)



ADAPTERS: dict[str, Adapter] = {
    "sum": _over("sum"),
    "prod": _over("prod"),
    "mean": _mean,
    "amax": _plain_over("max"),
    "amin": _plain_over("min"),
    "aminmax": _both("min", "max"),
    "max|reduction_no_dim": _plain_over("max"),
    "max|reduction_with_dim": _both("max", "argmax"),
    "min|reduction_no_dim": _plain_over("min"),
    "min|reduction_with_dim": _both("min", "argmin"),
    "argmax": _plain_over("argmax"),
    "argmin": _plain_over("argmin"),
    "any": _plain_over("any"),
    "all": _plain_over("all"),
    "var": _moment("var"),
    "std": _moment("std"),
    "var_mean": _moment("var_mean"),
    "std_mean": _moment("std_mean"),
    "var|unbiased": _unbiased("var"),
    "std|unbiased": _unbiased("std"),
    "var_mean|unbiased": _unbiased("var_mean"),
    "std_mean|unbiased": _unbiased("std_mean"),
    "cumsum": _scan("cumsum"),
    "cumprod": _scan("cumprod"),
    "cummax": _extreme("cummax"),
    "cummin": _extreme("cummin"),
    "logcumsumexp": _scan("logcumsumexp"),
    "sort": _sort,
    "argsort": _argsort,
    "msort": _msort,
    "topk": _topk,
    "softmax": _along("softmax"),
    "softmax|with_dtype": _along("softmax"),
    "log_softmax": _along("log_softmax"),
    "log_softmax|with_dtype": _along("log_softmax"),
    "nn.functional.softmin": _softmin,
    "nn.functional.softmin|with_dtype": _softmin,
    "logsumexp": _logsumexp,
}
