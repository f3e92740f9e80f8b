"""An operator of every family of the catalog, wrong in a way that is easily written: all caught.

The faults sit in the public methods, so the references and the judge are what finds them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.harness import plan
from conformance.harness.cells import Verdict
from conformance.harness.check import Check, Device
from conformance.harness.subject import EngineSubject
from engine import Tensor
from oracles.catalog import GROUPS

Method = Callable[..., Any]


def with_argument(name: str, value: object) -> Callable[[Method], Method]:
    """The method, which takes this argument whatever it is given."""
    return lambda method: lambda *operands, **given: method(*operands, **(given | {name: value}))


def maximum(right: Method) -> Method:
    return lambda x, y: (x > y).where(x, y)  # a NaN on the left is lost


def exp(right: Method) -> Method:
    return lambda x: (x * 1.4426950408889634).exp2()  # the product is rounded


def softplus(right: Method) -> Method:
    return lambda x, beta=1.0: ((x * beta).exp() + 1).log() / beta  # overflows


def lt(right: Method) -> Method:
    return lambda x, y: ~(x >= y)  # a NaN is less than everything


def cast(right: Method) -> Method:
    return lambda x, dtype: right(right(x, "int64"), dtype)  # wraps where it should saturate


def roll(right: Method) -> Method:
    return lambda x, shifts, dims=None: right(
        x, tuple(-n for n in shifts) if isinstance(shifts, tuple) else -shifts, dims
    )


def argmax(right: Method) -> Method:
    """The last of equal ones."""
    return lambda x, axis=None, keepdim=False: (
        right(x, axis, keepdim) if axis is None else (
            x.shape[axis] - 1 - right(x.flip(axis), axis, keepdim)
        ).cast("int32")
    )


def conv2d(right: Method) -> Method:
    return with_argument("dilation", 1)(right)


def arange(right: Method) -> Method:
    def wrong(start: Any, stop: Any = None, step: Any = 1, **given: Any) -> Any:
        start, stop = (0, start) if stop is None else (start, stop)
        return right(start, stop - step, step, **given)

    return wrong


def gather(right: Method) -> Method:
    return lambda x, dim, index: right(x.flip(dim) if x.ndim else x, dim, index)


def randint(right: Method) -> Method:
    """The same numbers in the opposite order."""

    def wrong(*shape: Any, **given: Any) -> Any:
        made = right(*shape, **given)
        return made.reshape(-1).flip(0).reshape(made.shape)

    return wrong


def cummax(right: Method) -> Method:
    """Passes over NaN."""
    return lambda x, axis=0: right(x.isnan().where(float("-inf"), x), axis)


def sort(right: Method) -> Method:
    """Equal elements in the opposite order."""

    def wrong(x: Tensor, dim: int = -1, descending: bool = False) -> Any:
        if not x.ndim:
            return right(x, dim, descending)
        values, places = right(x.flip(dim), dim, descending)
        return values, (x.shape[dim] - 1 - places).cast("int32")

    return wrong


def softmax(right: Method) -> Method:
    def wrong(x: Tensor, axis: int = -1, dtype: Any = None) -> Tensor:
        e = (x if dtype is None else x.cast(dtype)).exp()  # overflows
        return e / e.sum(axis, keepdim=True)

    return wrong


def layernorm(right: Method) -> Method:
    def wrong(x: Tensor, axis: Any = -1, eps: float = 1e-5) -> Tensor:
        centred = x - x.mean(axis, keepdim=True)
        return centred / (x.std(axis, keepdim=True) + eps)

    return wrong


def attention(right: Method) -> Method:
    return lambda query, *more, **given: right(query * 1.0001, *more, **given)


def qr(right: Method) -> Method:
    def wrong(x: Tensor) -> tuple[Tensor, Tensor]:
        q, r = right(x)
        return q, r.abs()

    return wrong


# family: (operator, how it is made wrong)
BROKEN: dict[str, tuple[str, Callable[[Method], Method]]] = {
    "elementwise": ("maximum", maximum),
    "functions": ("exp", exp),
    "activations": ("softplus", softplus),
    "compare": ("lt", lt),
    "casts": ("cast", cast),
    "movement": ("roll", roll),
    "reduce": ("argmax", argmax),
    "linalg": ("conv2d", conv2d),
    "creation": ("arange", arange),
    "index": ("gather", gather),
    "random": ("randint", randint),
    "scan": ("cummax", cummax),
    "sort": ("sort", sort),
    "scatter": ("scatter_reduce", with_argument("include_self", True)),
    "softmax": ("softmax", softmax),
    "spatial": ("avg_pool2d", with_argument("count_include_pad", True)),
    "norms": ("layernorm", layernorm),
    "attention": ("scaled_dot_product_attention", with_argument("is_causal", False)),
    "losses": ("cross_entropy", with_argument("label_smoothing", 0.0)),
    "factorisation": ("qr", qr),
}


@pytest.mark.parametrize("family", BROKEN)
def test_a_broken_operator_is_caught(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the cells of the suites; that they pass without the fault is what the suites say."""
    op, broken = BROKEN[family]
    wrong = broken(getattr(Tensor, op))
    is_static = isinstance(attribute(op), staticmethod | classmethod)
    monkeypatch.setattr(Tensor, op, staticmethod(wrong) if is_static else wrong)
    cells = [(op, dtypes) for dtypes in plan.cells(op) if not plan.mixed(op, dtypes)]
    made = Check([Device("PYTHON", EngineSubject("PYTHON"), full=False)], cells)
    made.run()
    assert Verdict.FAIL in {cell.verdict for cell in made.cells}


def attribute(name: str) -> object:
    """The attribute as it stands in its class."""
    return next(vars(owner)[name] for owner in Tensor.__mro__ if name in vars(owner))


def test_every_family_has_one() -> None:
    assert BROKEN.keys() == GROUPS.keys()
    for family, (op, _) in BROKEN.items():
        assert op in {row.name for row in GROUPS[family]}
