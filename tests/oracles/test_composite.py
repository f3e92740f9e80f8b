"""Composite operators: formulas against torch, two kinds of numbers, planted errors, specials."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from oracles import catalog, composite, torch_ref
from oracles.accept import judge
from oracles.catalog import Exactness, OpRow
from oracles.catalog.row import COMPOSITE_BOUNDS
from oracles.composite import CompositeRow, Evaluated, Outside, random, verdict
from oracles.composite.numbers import Numbers
from oracles.composite.verdict import MARGIN, judged_exactly
from oracles.formats import FORMATS, Array
from oracles.numpy_ref import composites
from oracles.numpy_ref.random import unit

FLOATS = ("float16", "float32", "float64")
BOUNDS = COMPOSITE_BOUNDS
INF, NAN = np.inf, np.nan

needs_torch = pytest.mark.skipif(not torch_ref.available(), reason=torch_ref.REMEDY)

ATTRIBUTES: dict[str, list[dict[str, Any]]] = {
    "gelu": [{}, {"approximate": "none"}], "softplus": [{}, {"beta": 2.5}],
    "elu": [{}, {"alpha": 0.7}], "celu": [{}, {"alpha": 2.0}], "leaky_relu": [{"neg_slope": 0.3}],
    "hardtanh": [{}, {"min_val": -2, "max_val": 0.5}], "softmax": [{}, {"axis": 1}],
    "logsumexp": [{"axis": (0, 2)}, {"axis": 1, "keepdim": True}], "logcumsumexp": [{"axis": 1}],
    "layernorm": [{}, {"axis": (1, 2)}],
    "normalize": [{}, {"p": 1.0}, {"p": 3.0, "dim": 2}, {"p": INF}, {"p": 0.0}],
    "nll_loss": [{}, {"ignore_index": 2}, {"reduction": "none"}, {"reduction": "sum"}],
    "cross_entropy": [{}, {"label_smoothing": 0.2}, {"reduction": "sum"}, {"reduction": "none"}],
    "sparse_categorical_crossentropy": [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}],
    "binary_crossentropy": [{}, {"reduction": "none"}],
    "binary_crossentropy_logits": [{}, {"reduction": "sum"}],
    "scaled_dot_product_attention": [{}, {"is_causal": True}],
    "randn": [{"shape": (6, 5), "seed": 3}],
    "normal": [{"shape": (6, 5), "seed": 3, "mean": -2.0, "std": 0.5}],
    "kaiming_normal": [{"shape": (6, 5), "seed": 3, "a": 1.0}],
    "interpolate": [{"size": (7,)}, {"size": (3, 9)}, {"size": (7, 2), "align_corners": True},
                    {"size": (9,), "mode": "nearest"}, {"size": (3,), "mode": "nearest-exact"}],
}  # fmt: skip


def operands_of(name: str, dtype: str) -> list[Array]:
    """Ordinary operands, [6, 5, 4] and what goes with it."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(6, 5, 4)) * 3
    labels = rng.integers(0, 5, (6, 4))
    found: dict[str, list[Array]] = {
        "logaddexp": [x, rng.normal(size=x.shape)],
        "lerp": [x, rng.normal(size=x.shape), rng.uniform(size=x.shape)],
        "batchnorm": [x, *rng.uniform(0.5, 2, (4, 5))],
        "binary_crossentropy": [rng.uniform(size=(4, 5)), rng.uniform(size=(4, 5))],
        "binary_crossentropy_logits": [x, rng.uniform(size=x.shape)],
        "cross_entropy": [x, labels],
        "nll_loss": [x, labels, rng.uniform(0.5, 2, 5)],
        "sparse_categorical_crossentropy": [x, rng.integers(-1, 4, (6, 5))],
        "scaled_dot_product_attention": [x, x[:, 1:4] + 1, x[:, :3] - 1],
        "randn": [], "normal": [], "kaiming_normal": [],
    }
    return [one.astype(dtype) if one.dtype.kind == "f" else one for one in found.get(name, [x])]


CASES = [(name, attrs) for name in composite.ROWS for attrs in ATTRIBUTES.get(name, [{}])]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "attrs"), CASES)
def test_rows_judge_their_domain(name: str, attrs: dict[str, Any], dtype: str) -> None:
    """The rounded value passes, by either kind of numbers; beyond the tolerance nothing does."""
    row, args = composite.ROWS[name], operands_of(name, dtype)
    known = composite.compose(row, args, attrs, dtype, BOUNDS)
    assert known.inside.all(), "the domain of ordinary operands"
    assert row.domain and row.formula
    right = composite.reference(known)
    ok, units = composite.judged(known, args, attrs, right, BOUNDS)
    assert ok.all() and np.max(units) <= 0.52
    exactly = judged_exactly(row, args, attrs, right, BOUNDS)
    assert np.all(np.abs(exactly - units) < MARGIN / 4)
    for share in (0.8, -0.8, 1.3, -1.3, 40):
        got = np.asarray((known.value + share * known.tolerance).astype(dtype))
        excess = np.abs(got.astype(np.longdouble) - known.value) / known.tolerance
        ok, _ = composite.judged(known, args, attrs, got, BOUNDS)
        wrong_zero = known.exact_zero & (got == 0) & (np.signbit(got) != np.signbit(right))
        assert np.all(ok[(excess < 1 - 2 * MARGIN) & ~wrong_zero])
        assert not np.any(ok[(excess > 1 + 2 * MARGIN) | wrong_zero])
        assert share < 40 or not ok.any()
    nans = np.full_like(right, NAN)
    assert not composite.judged(known, args, attrs, nans, BOUNDS)[0].any()


def _drawn(name: str, attrs: dict[str, Any], dtype: str) -> Any:
    """The same formula on the same uniform numbers: torch draws from another generator."""
    import torch

    shape = attrs["shape"]
    drawn = torch.from_numpy(unit(2 * math.prod(shape), dtype, attrs["seed"]))
    u, v = drawn.reshape(2, *shape)
    z = torch.sqrt(-2 * torch.log(1 - u)) * torch.cos(2 * math.pi * v)
    if name == "kaiming_normal":
        return z * math.sqrt(2 / (1 + attrs["a"] ** 2)) / math.sqrt(math.prod(shape[1:]))
    return z * attrs.get("std", 1.0) + attrs.get("mean", 0.0)


def _torch_call(name: str, tensors: list[Any], attrs: dict[str, Any], dtype: str) -> Any:
    """torch's own function of the same formula."""
    import torch

    if "seed" in attrs:
        return _drawn(name, attrs, dtype)
    f = torch.nn.functional
    x, *rest = tensors
    axis = attrs.get("axis", -1)
    calls: dict[str, Callable[[], Any]] = {
        "silu": lambda: f.silu(x), "swish": lambda: f.silu(x),
        "gelu": lambda: f.gelu(x, **{"approximate": "tanh", **attrs}),
        "quick_gelu": lambda: x * torch.sigmoid(1.702 * x), "mish": lambda: f.mish(x),
        "softplus": lambda: f.softplus(x, beta=attrs.get("beta", 1.0), threshold=1e9),
        "softsign": lambda: f.softsign(x), "elu": lambda: f.elu(x, attrs.get("alpha", 1.0)),
        "selu": lambda: 1.0507 * f.elu(x, 1.67326), "celu": lambda: f.celu(x, **attrs),
        "leaky_relu": lambda: f.leaky_relu(x, attrs["neg_slope"]), "relu6": lambda: f.relu6(x),
        "hardtanh": lambda: f.hardtanh(x, **attrs), "hardsigmoid": lambda: f.hardsigmoid(x),
        "hardswish": lambda: f.hardswish(x), "logsigmoid": lambda: f.logsigmoid(x),
        "logaddexp": lambda: torch.logaddexp(x, *rest), "lerp": lambda: torch.lerp(x, *rest),
        "softmax": lambda: f.softmax(x, axis), "softmin": lambda: f.softmin(x, axis),
        "log_softmax": lambda: f.log_softmax(x, axis),
        "logsumexp": lambda: torch.logsumexp(x, axis, attrs.get("keepdim", False)),
        "logcumsumexp": lambda: torch.logcumsumexp(x, axis),
        "layernorm": lambda: f.layer_norm(x, x.shape[-len(np.atleast_1d(axis)):]),
        "batchnorm": lambda: f.batch_norm(x, rest[0], rest[1] ** -2, *rest[2:], eps=0.0),
        "normalize": lambda: f.normalize(x, **attrs),
        "nll_loss": lambda: f.nll_loss(x, *rest, **{"ignore_index": -100, **attrs}),
        "cross_entropy": lambda: f.cross_entropy(x, *rest, **attrs),
        "sparse_categorical_crossentropy": lambda: _sparse(x, rest[0], attrs),
        "binary_crossentropy": lambda: f.binary_cross_entropy(x, *rest, **attrs),
        "binary_crossentropy_logits": lambda: f.binary_cross_entropy_with_logits(
            x, *rest, **attrs),
        "scaled_dot_product_attention": lambda: f.scaled_dot_product_attention(x, *rest, **attrs),
        "interpolate": lambda: _interpolated(x, attrs),
    }  # fmt: skip
    return calls[name]()


def _sparse(x: Any, labels: Any, attrs: dict[str, Any]) -> Any:
    import torch

    flat = {"ignore_index": -1, **attrs}
    return torch.nn.functional.cross_entropy(x.reshape(-1, x.shape[-1]), labels.reshape(-1), **flat)


def _interpolated(x: Any, attrs: dict[str, Any]) -> Any:
    import torch

    given = dict(attrs)
    if given.get("mode", "linear") == "linear":
        given["mode"] = "linear" if len(attrs["size"]) == 1 else "bilinear"
    batch = x if len(attrs["size"]) == 1 else x[None]
    result = torch.nn.functional.interpolate(batch, **given)
    return result if len(attrs["size"]) == 1 else result[0]


TORCH_BOUNDS = {"float32": 8.0, "float64": 8.0}


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "attrs"), CASES)
def test_the_formulas_are_the_published_ones(
    name: str, attrs: dict[str, Any], dtype: str
) -> None:
    """torch computes them too, with steps of its own; its functions add some ulps."""
    import torch

    args = operands_of(name, dtype)
    if name == "nll_loss" and "ignore_index" not in attrs:
        args = args[:2]
    if name == "gelu":  # torch adds 1 to a tanh near -1
        args = [np.maximum(args[0], args[0].dtype.type(-0.5))]
    tensors = [torch.from_numpy(np.ascontiguousarray(one)) for one in args]
    got = np.asarray(_torch_call(name, tensors, attrs, dtype).numpy())
    known = composite.compose(composite.ROWS[name], args, attrs, dtype, TORCH_BOUNDS)
    assert got.shape == known.value.shape
    ok, units = composite.judged(known, args, attrs, got, TORCH_BOUNDS)
    assert ok.all(), np.max(units)


SPECIALS: list[tuple[str, list[list[float]], dict[str, Any], list[float]]] = [
    ("silu", [[INF, -INF, NAN, 0.0, -0.0, -200]], {}, [INF, -0.0, NAN, 0.0, -0.0, -0.0]),
    ("gelu", [[INF, -INF, NAN, 0.0, -0.0]], {}, [INF, -0.0, NAN, 0.0, -0.0]),
    ("gelu", [[INF, -INF, NAN, 3e38, -0.0]], {"approximate": "none"},
     [INF, -0.0, NAN, 3e38, -0.0]),
    ("mish", [[INF, -INF, NAN, -0.0]], {}, [INF, -0.0, NAN, -0.0]),
    ("hardswish", [[INF, -INF, NAN, 3e38]], {}, [INF, -0.0, NAN, 3e38]),
    ("softplus", [[INF, -INF, NAN, 3e38]], {}, [INF, 0.0, NAN, 3e38]),
    ("softsign", [[INF, -INF, NAN, -0.0]], {}, [1, -1, NAN, -0.0]),
    ("elu", [[INF, -INF, NAN, -0.0]], {"alpha": 2.0}, [INF, -2, NAN, -0.0]),
    ("leaky_relu", [[INF, -INF, NAN, -0.0]], {"neg_slope": 0.5}, [INF, -INF, NAN, -0.0]),
    ("relu6", [[INF, -INF, NAN, -0.0, 7]], {}, [6, 0.0, NAN, 0.0, 6]),
    ("hardtanh", [[INF, -INF, NAN, -0.0]], {}, [1, -1, NAN, -0.0]),
    ("logsigmoid", [[INF, -INF, NAN]], {}, [0.0, -INF, NAN]),
    ("logaddexp", [[INF, -INF, NAN, -INF, 0], [INF, -INF, INF, INF, -INF]], {},
     [INF, -INF, NAN, INF, 0.0]),
    ("logsumexp", [[-INF, -INF]], {}, [-INF]),
    ("logsumexp", [[-INF, INF, 3]], {}, [INF]),
    ("logsumexp", [[-INF, NAN, INF]], {}, [NAN]),
    ("logsumexp", [[-INF, 2.0]], {}, [2.0]),
    ("logcumsumexp", [[-INF, -INF, 2, INF, NAN]], {}, [-INF, -INF, 2, INF, NAN]),
    ("softmax", [[-INF, -INF]], {}, [NAN, NAN]),
    ("softmax", [[-INF, 7.0]], {}, [0.0, 1.0]),
    ("softmax", [[INF, 1.0]], {}, [NAN, NAN]),
    ("softmin", [[INF, INF]], {}, [NAN, NAN]),
    ("log_softmax", [[-INF, 7.0]], {}, [-INF, 0.0]),
    ("layernorm", [[INF, 1.0]], {}, [NAN, NAN]),
    ("layernorm", [[2.0, 2.0]], {}, [0.0, 0.0]),
    ("normalize", [[0.0, 0.0]], {"dim": 0}, [0.0, 0.0]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "columns", "attrs", "want"), SPECIALS)
def test_special_values(
    name: str, columns: list[list[float]], attrs: dict[str, Any], want: list[float]
) -> None:
    row = composite.ROWS[name]
    args = [np.array(column, np.float32) for column in columns]
    known = composite.compose(row, args, attrs, "float32", BOUNDS)
    got = composite.reference(known)
    due = np.array(want, np.float32).reshape(got.shape)
    assert np.array_equal(got, due, equal_nan=True), got
    ordered = ~np.isnan(due)
    assert np.array_equal(np.signbit(got)[ordered], np.signbit(due)[ordered])
    assert composite.judged(known, args, attrs, got, BOUNDS)[0].all()
    for wrong in (NAN, INF, -INF, 1e30):
        planted = np.where(np.isfinite(due), got, np.float32(wrong))
        ok, _ = composite.judged(known, args, attrs, planted, BOUNDS)
        same = np.isfinite(due) | (planted == due) | (np.isnan(planted) & np.isnan(due))
        assert np.array_equal(ok, same)


EMPTY_AND_SCALAR: list[tuple[str, tuple[int, ...], dict[str, Any], list[float]]] = [
    ("softmax", (), {}, [1.0]),
    ("log_softmax", (), {}, [0.0]),
    ("logsumexp", (), {}, [3.0]),
    ("logcumsumexp", (), {}, [3.0]),
    ("layernorm", (), {}, [0.0]),
    ("softmax", (2, 0), {}, []),
    ("logcumsumexp", (2, 0), {"axis": 1}, []),
    ("logsumexp", (0,), {}, [-INF]),
    ("logsumexp", (0, 3), {"axis": 1}, []),
    ("silu", (0,), {}, []),
]


@pytest.mark.parametrize(("name", "shape", "attrs", "want"), EMPTY_AND_SCALAR)
def test_empty_and_scalar_operands(
    name: str, shape: tuple[int, ...], attrs: dict[str, Any], want: list[float]
) -> None:
    x = np.full(shape, 3.0, np.float32)
    known = composite.compose(composite.ROWS[name], [x], attrs, "float32", BOUNDS)
    got = composite.reference(known)
    assert got.reshape(-1).tolist() == want
    assert composite.judged(known, [x], attrs, got, BOUNDS)[0].shape == got.shape


@pytest.mark.parametrize("bool_mask", [True, False])
def test_attention_with_masks(bool_mask: bool) -> None:
    """Grouped heads; a row that sees nothing is NaN, which devices must agree on."""
    rng = np.random.default_rng(6)
    query, key, value = (
        rng.normal(size=(2, heads, 5, 4)).astype(np.float32) for heads in (4, 2, 2)
    )
    seen = rng.uniform(size=(5, 5)) < 0.6
    seen[2] = False
    mask = seen if bool_mask else np.where(seen, 0.25, -INF).astype(np.float32)
    args = [query, key, value, mask]
    row = composite.ROWS["scaled_dot_product_attention"]
    known = composite.compose(row, args, {"enable_gqa": True}, "float32", BOUNDS)
    got = composite.reference(known)
    assert got.shape == query.shape
    assert np.isnan(got[..., 2, :]).all() and known.inside[..., [0, 1, 3, 4], :].all()
    scores = np.einsum("bhle,bhse->bhls", query, np.repeat(key, 2, axis=1)) / 2
    scores = np.where(seen, scores, -INF)
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
    wanted = np.einsum("bhls,bhsv->bhlv", weights, np.repeat(value, 2, axis=1))
    given = {"enable_gqa": True}
    assert composite.judged(known, args, given, wanted.astype(np.float32), BOUNDS)[0].all()


def test_batchnorm_without_weight_and_bias() -> None:
    x, mean, inverse = np.ones((2, 3), np.float32), np.zeros(3, np.float32), np.arange(3.0)
    args = [x, mean, inverse.astype(np.float32)]
    known = composite.compose(composite.ROWS["batchnorm"], args, {}, "float32", BOUNDS)
    assert composite.reference(known).tolist() == [[0, 1, 2]] * 2


def test_the_sign_of_an_exact_zero_counts() -> None:
    for name in ("silu", "gelu", "mish", "softsign", "elu", "relu6", "hardtanh", "leaky_relu"):
        x = np.array([0.0, -0.0], np.float32)
        known = composite.compose(composite.ROWS[name], [x], {}, "float32", BOUNDS)
        right = composite.reference(known)
        ok, _ = composite.judged(known, [x], {}, -right, BOUNDS)
        assert not ok[known.exact_zero].any()
        assert known.exact_zero.all()


def test_what_lies_outside_of_a_domain_is_left_alone_and_said() -> None:
    x = np.array([1e38, 2.0], np.float32)
    args = [x, -x, np.full(2, 0.5, np.float32)]
    known = composite.compose(composite.ROWS["lerp"], args, {}, "float32", BOUNDS)
    assert known.inside.tolist() == [False, True]
    got = np.array([INF, composite.reference(known)[1]], np.float32)
    assert composite.judged(known, args, {}, got, BOUNDS)[0].all()
    assert {row.outside for row in composite.ROWS.values()} == set(Outside)
    assert all(row.domain for row in composite.ROWS.values())


def test_a_row_whose_domain_judges_nothing_is_noticed() -> None:
    """The test of all rows demands `inside.all()`; here is a row that must fail it."""

    def nowhere(m: Numbers, x: Array) -> Evaluated:
        return Evaluated(x, 0 * x, np.zeros(x.shape, dtype=bool))

    x = np.ones(3, np.float32)
    known = composite.compose(CompositeRow(nowhere, "x"), [x], {}, "float32", BOUNDS)
    assert not known.inside.any()
    wrong = np.full(3, 77, np.float32)
    assert composite.judged(known, [x], {}, wrong, BOUNDS)[0].all()


def test_float16_takes_its_steps_in_float32() -> None:
    """A float16 chain of roundings is refused, one rounding at the end is not."""
    x = np.random.default_rng(4).normal(size=400).astype(np.float16) * np.float16(3)
    known = composite.compose(composite.ROWS["softsign"], [x], {}, "float16", BOUNDS)
    wide = x.astype(np.float32)
    once = (wide / (1 + np.abs(wide))).astype(np.float16)
    assert composite.judged(known, [x], {}, once, BOUNDS)[0].all()
    chained = x / (np.float16(1) + np.abs(x))
    assert not composite.judged(known, [x], {}, chained, BOUNDS)[0].all()


def _row(name: str, exactness: Exactness) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(catalog.ALL,), result="to_float",
        exactness=exactness, bound_ulp=BOUNDS, formula=composite.ROWS[name].formula,
        attributes=("axis",), defaults={"axis": None},
    )  # fmt: skip


def test_the_judge_of_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound, certificate, canonical NaN, shape; the evidence names the accepted range."""
    monkeypatch.setitem(catalog.ROWS, "silu", _row("silu", Exactness.COMPOSITE))
    x = np.array([1.5, 3, NAN], np.float32)
    right = judge("silu", [x], {}, x).reference
    judged = judge("silu", [x], {}, right)
    assert judged.passed and judged.ulp is not None and judged.ulp <= 0.5
    bits = FORMATS["float32"].to_bits(right)
    wrong = FORMATS["float32"].from_bits(bits + np.uint32(6))
    refused = judge("silu", [x], {}, wrong)
    assert not refused.ok.any(), "six ulps off, and a NaN with a payload"
    certificate = refused.certificate(0)
    low, _, high = certificate.accepted
    assert int(low, 16) < int(bits[0]) < int(high, 16) < int(certificate.got, 16)
    for end, ok in ((low, True), (high, True), (hex(int(high, 16) + 1), False)):
        planted = bits.copy()
        planted[0] = int(end, 16)
        assert judge("silu", [x], {}, FORMATS["float32"].from_bits(planted)).ok[0] == ok
    text = certificate.text()
    assert "class composite" in text and "exact     1.2263" in text
    assert certificate.ulp is not None and certificate.ulp > BOUNDS["float32"]
    assert refused.certificate(2).accepted == ("0x7fc00000",)
    assert judge("silu", [x], {}, x[:2]).problem is not None


def test_references_are_the_rounded_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog.ROWS, "softmax", _row("softmax", Exactness.COMPOSITE))
    x = np.array([[0, 0], [0, -2000], [7, 7]], np.int32)
    got = composites.softmax(x, axis=1)
    assert got.dtype == np.float32
    assert got.tolist() == [[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]
    assert judge("softmax", [x], {"axis": 1}, got).passed
    over_axes = {name for name, row in composite.ROWS.items() if not row.elementwise}
    over_axes -= {name for name, row in catalog.ROWS.items() if row.exactness is Exactness.BITS}
    assert over_axes <= set(vars(composites)) | set(random.ROWS)


def test_every_composite_row_of_the_catalog_has_a_formula() -> None:
    """With its attributes by the same names, and their defaults."""
    for name, row in catalog.ROWS.items():
        if row.exactness is Exactness.COMPOSITE:
            parameters = inspect.signature(composite.ROWS[name].evaluate).parameters
            for attribute in row.attributes:
                default = parameters[attribute].default
                assert default == row.defaults.get(attribute, default), (name, attribute)


def test_mpmath_alone_judges_where_longdouble_is_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "_WIDE_ENOUGH", False)
    x = np.array([INF, -INF, NAN, -0.0, -3.5, 2.25])
    row = composite.ROWS["gelu"]
    known = composite.compose(row, [x], {}, "float64", BOUNDS)
    monkeypatch.undo()
    wide = composite.compose(row, [x], {}, "float64", BOUNDS)
    bits = FORMATS["float64"].to_bits
    assert np.array_equal(bits(composite.reference(known)), bits(composite.reference(wide)))
    got = composite.reference(wide)
    assert composite.judged(known, [x], {}, got, BOUNDS)[0].all()
    assert not composite.judged(known, [x], {}, got * 1.5 + 1, BOUNDS)[0][3:].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["silu", "gelu", "softmax", "layernorm"])
def test_mpmath_is_asked_near_the_bound_alone(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a thousand times as slow, and nothing that is right comes near the bound."""
    asked: list[object] = []
    monkeypatch.setattr(verdict, "judged_exactly", lambda *given: asked.append(given))
    x = np.random.default_rng(5).normal(size=(2, 50)).astype(dtype)
    known = composite.compose(composite.ROWS[name], [x], {}, dtype, BOUNDS)
    right = composite.reference(known)
    assert composite.judged(known, [x], {}, right, BOUNDS)[0].all()
    assert not asked
