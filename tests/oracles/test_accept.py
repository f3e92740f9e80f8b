"""The judge must refuse planted errors of every class, and accept what is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oracles import mpmath_ref, numpy_ref
from oracles.accept import judge
from oracles.case import Case
from oracles.catalog import ALL, CORRECTLY_ROUNDED, ROWS, Exactness, OpRow
from oracles.edges import edges
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref import functions

ATTRIBUTES: dict[str, dict[str, Any]] = {
    "cast": {"dtype": "float16"}, "bitcast": {"dtype": "int32"}, "reshape": {"shape": (-1,)},
    "permute": {"order": (1, 0)}, "expand": {"shape": (2, -1, -1)},
    "pad": {"padding": ((1, 0), (0, 2)), "value": -0.0}, "shrink": {"arg": ((1, 4), (0, 3))},
    "flip": {"axis": (0,)}, "sum": {"axis": 1}, "prod": {"axis": 0}, "max": {"axis": 0},
    "min": {"axis": 1}, "arange": {"stop": 4.0}, "full": {"shape": (3,), "fill_value": 2.5},
    "getitem": {"index": (slice(0, 3), 1)}, "take": {"axis": 0},
    "cumsum": {"axis": 1}, "cumprod": {"axis": 0}, "cummax": {"axis": 1, "output": 0},
    "cummin": {"axis": 0, "output": 1}, "var_mean": {"axis": 1, "output": 0},
    "logsumexp": {"axis": 1}, "logcumsumexp": {"axis": 1},
    "sort": {"output": 0}, "topk": {"k": 5, "output": 1}, "scatter": {"dim": 1},
    "scatter_reduce": {"dim": 0, "reduce": "sum"},
    "std_mean": {"axis": 0, "output": 1}, "random_bits": {"num": 5},
    "einsum": {"formula": "ij->j"}, "conv2d": {"padding": 1},
    "pad_to": {"shape": (21, 23)}, "shrink_to": {"shape": (19, 18)}, "repeat": {"repeats": (2, 1)},
    "repeat_interleave": {"repeats": 2, "dim": 0}, "roll": {"shifts": 3, "dims": 1},
    "unfold": {"dim": 0, "size": 3, "step": 2}, "rearrange": {"formula": "a b -> b a"},
    "split": {"sizes": 7, "output": 1}, "chunk": {"chunks": 3, "output": 0},
    "meshgrid": {"output": 0}, "linspace": {"start": 1, "stop": 2, "steps": 5},
    "gather": {"dim": 1}, "one_hot": {"num_classes": 5},
    "avg_pool2d": {"padding": 1}, "max_pool2d": {"return_indices": True, "output": 1},
    "max_unpool2d": {"output_size": 41}, "interpolate": {"size": (9, 30)},
    "clamp": {"min_": -1, "max_": 2}, "masked_fill": {"value": 1},
    "normalize": {"eps": 1.0}, "nll_loss": {"reduction": "none"},
    "binary_crossentropy": {"reduction": "none"}, "cross_entropy": {"reduction": "none"},
    "binary_crossentropy_logits": {"reduction": "none"},
    "sparse_categorical_crossentropy": {"reduction": "none"},
    **{op: {"shape": (3, 4), "seed": 7} for op, row in ROWS.items() if "seed" in row.attributes},
    "qr": {"output": 0}, "svd": {"output": 2},
    "newton_schulz": {"steps": 2, "params": (1.5, -0.5)},
    "randperm": {"n": 20, "seed": 7}, "multinomial": {"num_samples": 4, "seed": 7},
}  # fmt: skip
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "meshgrid": ((5,),),
    "linear": ((4, 6), (6, 5), (5,)), "conv2d": ((2, 3, 6, 5), (4, 3, 2, 2), (4,)),
    "conv_transpose2d": ((2, 3, 4, 5), (3, 2, 2, 2), (2,)),
    "batchnorm": ((20, 20), (20,), (20,), (20,), (20,)),
    "scaled_dot_product_attention": ((9, 1), (5, 1), (5, 7), (9, 5)),
    "cross_entropy": ((20, 20), (20, 20)), "nll_loss": ((20, 20), (20,), (20,)),
    "sparse_categorical_crossentropy": ((20, 20), (20,)),
}  # fmt: skip
PREFERRED = ("float32", "int32", "bool", "uint64")


def _operands(name: str) -> list[Array]:
    """Square operands full of edge values, of the first preferred dtype that the row allows."""
    arrays = []
    for allowed in ROWS[name].dtypes:
        dtype = next(one for one in PREFERRED if one in allowed)
        arrays.append(np.resize(FORMATS[dtype].from_bits(edges(dtype)), (20, 20)))
    if name in SHAPES:
        return [np.resize(x, shape) for x, shape in zip(arrays, SHAPES[name], strict=True)]
    if len(arrays) == 2 and ROWS[name].family != "index":
        arrays[1] = arrays[1].T.copy()
    return arrays


def _right(name: str, args: list[Array]) -> Array:
    if ROWS[name].exactness is Exactness.FAITHFUL:
        return mpmath_ref.FUNCTIONS[name](*args)
    return numpy_ref.evaluate(name, args, ATTRIBUTES.get(name, {}))


def _flip_bit(array: Array, index: int, bit: int) -> Array:
    row = format_of(array)
    bits = row.to_bits(array).reshape(-1).copy()
    bits[index] ^= row.unsigned.type(1 << bit)
    return row.from_bits(bits.reshape(array.shape))


def _judged_places(name: str, args: list[Array], got: Array) -> tuple[int, ...]:
    """First, middle and last place; of a composite row, where no sign is a matter of rounding."""
    places = np.arange(got.size)
    if ROWS[name].exactness is Exactness.COMPOSITE:
        known = Case(name, args, ATTRIBUTES.get(name, {}), got).composed
        size = np.abs(known.value)
        sure = known.inside & (known.tolerance < size) & (size > 1e-3) & (size < 1e30)
        places = np.flatnonzero(sure)
    return tuple(int(places[k]) for k in (0, places.size // 2, places.size - 1))


@pytest.mark.parametrize("name", ROWS)
def test_the_right_result_passes_and_one_flipped_sign_does_not(name: str) -> None:
    args, attrs = _operands(name), ATTRIBUTES.get(name, {})
    got = _right(name, args)
    assert judge(name, args, attrs, got).passed
    row = format_of(got)
    for index in _judged_places(name, args, got):
        broken = _flip_bit(got, index, 0 if row.kind == "bool" else row.bits - 1)
        judged = judge(name, args, attrs, broken)
        assert np.flatnonzero(~judged.ok).tolist() == [index]
        certificate = judged.certificate(index)
        assert not certificate.ok
        assert certificate.got not in certificate.accepted
        assert f"WRONG, 1 of {got.size} elements" in certificate.text()


def _one_ulp(array: Array) -> Array:
    row = format_of(array)
    return row.from_bits(row.to_bits(array) + row.unsigned.type(1))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "sqrt", "sum", "matmul"])
def test_one_ulp_is_refused(name: str, dtype: str) -> None:
    x = np.random.default_rng(1).uniform(1, 2, (6, 6)).astype(dtype)
    args = [x] * ROWS[name].operands
    judged = judge(name, args, {}, _one_ulp(numpy_ref.evaluate(name, args, {})))
    assert not judged.ok.any()
    if name == "add":
        assert judged.ulp is not None and 0.5 < judged.ulp <= 1.5


FAITHFUL = mpmath_ref.NAMES


@pytest.fixture
def functions_in_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every function that has an oracle, whether the catalog has it already or not."""
    bounds = {"float16": 0.5, "float32": 1.0, "float64": 1.0}
    for name in FAITHFUL:
        if name not in ROWS:
            count = len(mpmath_ref.ROWS[name].harmless)
            row = OpRow(
                name=name, family="elementwise", dtypes=(ALL,) * count, bound_ulp=bounds,
                common=tuple(range(count)) if count > 1 else (), formula=name,
                result="common" if count > 1 else "to_float", exactness=Exactness.FAITHFUL,
            )  # fmt: skip
            monkeypatch.setitem(ROWS, name, row)
            monkeypatch.setitem(numpy_ref.FUNCTIONS, name, vars(functions)[name])


INSIDE = {"asin": (0.1, 0.9), "acos": (0.1, 0.9), "atanh": (0.1, 0.9), "erf": (0.1, 2)}


@pytest.mark.usefixtures("functions_in_catalog")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", FAITHFUL)
def test_faithful_accepts_up_to_its_bound(name: str, dtype: str) -> None:
    """Farther than the bound is refused, exactly as the rational distance says."""
    x = np.random.default_rng(1).uniform(*INSIDE.get(name, (2, 5)), 300).astype(dtype)
    args = [x, x[::-1].copy()][: ROWS[name].operands]
    right = mpmath_ref.FUNCTIONS[name](*args)
    judged = judge(name, args, {}, right)
    assert judged.passed and judged.ulp is not None and judged.ulp <= 0.5
    row, bound = FORMATS[dtype], ROWS[name].bound_ulp[dtype]
    words = list(zip(*(row.to_bits(one).tolist() for one in args)))
    for steps in range(1, int(bound) + 3):
        far = row.from_bits(row.to_bits(right) + row.unsigned.type(steps))
        judged = judge(name, args, {}, far)
        want = [
            mpmath_ref.exact_distance(name, row, operands, got) <= bound
            for operands, got in zip(words, row.to_bits(far).tolist())
        ]
        assert judged.ok.tolist() == want
    assert not judged.ok.any()
    assert judged.certificate(7).ulp == mpmath_ref.exact_distance(
        name, row, words[7], int(row.to_bits(far)[7])
    )


@pytest.mark.usefixtures("functions_in_catalog")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FAITHFUL)
def test_wrong_specials_of_functions_are_refused(name: str, dtype: str) -> None:
    """A zero of the other sign, a NaN dropped, an infinity gone finite, a NaN with a payload."""
    special = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, np.inf, -np.inf, np.nan, 1e-45, 3e38, -3e38]
    column = np.array(special, dtype)
    args = [np.repeat(column, 12), np.tile(column, 12)][: ROWS[name].operands]
    right = mpmath_ref.FUNCTIONS[name](*args)
    row = FORMATS[dtype]
    bits = row.to_bits(right)
    assert judge(name, args, {}, right).passed
    classes = {
        "zero": (right == 0, bits ^ row.unsigned.type(row.sign_bit)),
        "nan": (np.isnan(right), np.zeros_like(bits)),
        "payload": (np.isnan(right), bits | row.unsigned.type(1)),
        "infinity": (np.isinf(right), bits - row.unsigned.type(1)),
    }
    for where, wrong in classes.values():
        planted = np.where(where, wrong, bits)
        judged = judge(name, args, {}, row.from_bits(planted))
        assert np.array_equal(~judged.ok, where)
    assert classes["nan"][0].any()


def test_of_two_equally_near_results_the_even_one_is_right() -> None:
    """63**2 = 3969 between 3968 and 3970, where the bound is a correct rounding."""
    assert ROWS["pow"].bound_ulp["float16"] == CORRECTLY_ROUNDED
    x, y, even, odd = (np.array([value], np.float16) for value in (63, 2, 3968, 3970))
    row = FORMATS["float16"]
    words = [int(row.to_bits(one)[0]) for one in (x, y, even, odd)]
    for word in words[2:]:
        assert mpmath_ref.exact_distance("pow", row, (words[0], words[1]), word) == 0.5
    assert judge("pow", [x, y], {}, even).passed
    judged = judge("pow", [x, y], {}, odd)
    assert not judged.passed and judged.certificate(0).accepted == (row.hex(words[2]),)


@pytest.mark.usefixtures("functions_in_catalog")
def test_a_faithful_row_of_two_operands() -> None:
    """pow: floats within the bound, integers by their bits, promotion first."""
    x = np.array([2.0, -2.0, 3.0, -0.0, 1.5], np.float32)[:, None]
    y = np.array([3, -1, 100, -3], np.int32)
    right = mpmath_ref.FUNCTIONS["pow"](x, y)
    assert right.dtype == np.float32 and right.shape == (5, 4)
    assert judge("pow", [x, y], {}, right).passed
    planted = right.copy()
    planted[2, 2], planted[1, 0], planted[4, 1] = 3e38, 8.0, 0.0
    judged = judge("pow", [x, y], {}, planted)
    assert np.argwhere(~judged.ok).tolist() == [[1, 0], [2, 2], [4, 1]]
    assert "pow[1, 0]: WRONG" in judged.certificate((1, 0)).text()
    assert judged.certificate((2, 2)).accepted == ("0x7f800000",)
    assert ROWS["pow"].exactness_for(("int8", "int8")) is Exactness.BITS


NAN_CASES: list[tuple[str, list[float]]] = [
    ("add", [np.inf, -np.inf]), ("div", [0.0, 0.0]), ("maximum", [np.nan, 1.0]),
    ("exp2", [np.nan]), ("log2", [-1.0]), ("sqrt", [-1.0]), ("sum", [np.nan]), ("max", [np.nan]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values"), NAN_CASES)
def test_a_computed_nan_must_be_canonical(name: str, values: list[float]) -> None:
    args = [np.array([value], np.float32) for value in values]
    shape = () if name in ("sum", "max") else (1,)
    for bits, accepted in ((0x7FC00000, True), (0xFFC00000, False), (0x7FC00001, False),
                           (0x7F800000, False), (0, False)):  # fmt: skip
        got = np.array(bits, np.uint32).view(np.float32).reshape(shape)
        assert bool(judge(name, args, {}, got).ok.all()) is accepted


def test_a_distance_next_to_the_bound_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter may be off by a little: just below the bound mpmath decides."""
    x = np.array([0.3], "float32")
    wrong = mpmath_ref.FUNCTIONS["exp2"](x) + np.float32(1e-5)
    near = ROWS["exp2"].bound_ulp["float32"] - mpmath_ref.doubt("exp2", FORMATS["float32"]) / 2
    monkeypatch.setattr(
        mpmath_ref, "distances", lambda known, got: (np.array([near]), np.array([False]))
    )
    assert not judge("exp2", [x], {}, wrong).passed


def test_a_moved_nan_keeps_its_bits() -> None:
    x = np.array([0xFF800001], np.uint32).view(np.float32)
    canonical = np.array([np.nan], np.float32)
    for name, attrs in (("flip", {"axis": (0,)}), ("cast", {"dtype": "float32"})):
        assert judge(name, [x], attrs, x).passed
        assert not judge(name, [x], attrs, canonical).passed


def test_typical_bugs_are_caught() -> None:
    def f(*values: float) -> Array:
        return np.array(values, np.float32)

    tiny = f(1e-40)
    bugs: list[tuple[str, list[Array], dict[str, Any], Array]] = [
        ("mul", [tiny, f(1)], {}, f(0)),  # subnormal flushed
        ("maximum", [f(-0.0), f(0.0)], {}, f(-0.0)),
        ("max", [f(np.nan, 1)], {}, np.asarray(np.float32(1))),  # NaN dropped
        ("sqrt", [f(-0.0)], {}, f(0.0)),  # through pow
        ("cast", [np.array([1 + 2**-11 + 2**-40])], {"dtype": "float16"},
         np.array([1], np.float16)),  # rounded twice
        ("cast", [f(300)], {"dtype": "int8"}, np.array([44], np.int8)),  # wrapped
        ("add", [np.array([127], np.int8)] * 2, {}, np.array([127], np.int8)),  # saturated
        ("lt", [np.array([-1], np.int64), np.array([1], np.uint64)], {}, np.array([False])),
        ("sum", [f(-0.0)], {}, np.asarray(np.float32(-0.0))),
        ("exp2", [f(200)], {}, np.array([0x7F7FFFFF], np.uint32).view(np.float32)),
        ("exp2", [f(-200)], {}, f(-0.0)),
    ]  # fmt: skip
    for name, args, attrs, got in bugs:
        assert not judge(name, args, attrs, got).ok.any(), name


def test_another_order_and_contraction_are_caught() -> None:
    rng = np.random.default_rng(9)
    x = rng.standard_normal(5000).astype(np.float32)
    assert not judge("sum", [x], {}, np.asarray(np.cumsum(x)[-1])).passed
    a = np.float32(1 + 2**-12)
    left, right = np.array([[-1.0, a]], np.float32), np.array([[a * a], [a]], np.float32)
    fused = np.float32(float(a) * float(a) - float(a * a))
    assert not judge("matmul", [left, right], {}, np.array([[fused]])).passed


def test_a_reference_that_breaks_its_bound_is_reported() -> None:
    """Should the ordered reference itself be wrong, the gamma bound says so."""
    for dtype in ("float16", "float32", "float64"):
        x = np.random.default_rng(2).uniform(1, 1.1, (3, 100)).astype(dtype)
        for name in ("sum", "prod"):
            wrong = numpy_ref.evaluate(name, [x], {"axis": 1}) * np.dtype(dtype).type(1.25)
            judged = judge(name, [x], {"axis": 1}, wrong, reference=wrong)
            assert judged.problem is not None and not judged.ok.any(), (dtype, name)
        window = {"kernel_size": (3, 20), "padding": 1, "count_include_pad": False}
        wrong = numpy_ref.evaluate("avg_pool2d", [x], window) * np.dtype(dtype).type(1.25)
        assert judge("avg_pool2d", [x], window, wrong, reference=wrong).problem is not None
        y = x[:, :40]
        wrong = numpy_ref.evaluate("matmul", [y, y.T.copy()], {}) * np.dtype(dtype).type(1.25)
        assert judge("matmul", [y, y.T.copy()], {}, wrong, reference=wrong).problem is not None


def test_every_rounding_of_a_product_counts() -> None:
    """35 columns of 70 factors: the longest path has 8 roundings, the product has 69."""
    factors = np.random.default_rng(7).normal(size=(70, 400)).astype(np.float32)
    args, attrs = [factors], {"axis": 0, "keepdim": False}
    assert judge("prod", args, attrs, numpy_ref.evaluate("prod", args, attrs)).passed


FAR: list[tuple[str, list[Any], dict[str, Any], Any]] = [
    ("sub", [0.0, 5e-324], {}, 1e308),
    ("div", [5e-324, 2.0], {}, 1e308),
    ("sub", [0.0, 5e-324], {}, float("inf")),
    ("cast", [1e-30], {"dtype": "float64"}, 1e308),
    ("exp2", [-1070.0], {}, 1e308),
    ("exp2", [-1070.0], {}, float("inf")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "attrs", "wrong"), FAR)
def test_a_result_that_is_absurdly_wrong_is_infinitely_far(
    name: str, values: list[float], attrs: dict[str, Any], wrong: float
) -> None:
    """Distances of 2**1000 ulps and more do not fit a float64; they must not end the judge."""
    dtype = np.float32 if name == "cast" else np.float64
    judged = judge(name, [np.array([v], dtype) for v in values], attrs, np.array([wrong]))
    assert not judged.ok.any()
    text = judged.certificate(0).text()
    assert name == "cast" or judged.ulp == float("inf")
    assert name == "cast" or "inf ulp" in text


def test_the_certificate_is_for_a_reader() -> None:
    """Stored operands in their own dtype, about 30 digits of the exact value, no line twice."""
    x, y = np.array([3, 7], np.int32), np.array([0.1, 5e-324])
    got = np.array([7.5, 7.0])
    certificate = judge("add", [x, y], {}, got).certificate(0)
    lines = certificate.text().splitlines()
    assert lines[0] == "add[0]: WRONG, 1 of 2 elements (class rounded)"
    assert lines[1].split(None, 1)[1] == (
        "int32 0x00000003 = 3, float64 0x3fb999999999999a = 0.1"
    )
    assert lines[2].split(None, 1)[1] == "float64 0x401e000000000000 = 7.5"
    assert lines[3].split(None, 1)[1] == "3.10000000000000000555111512313"
    assert lines[4].split(None, 1)[1] == "0x4008cccccccccccd = 3.1 (exact, numpy)"
    assert len(lines) == 6, "numpy's and the exact word are those accepted: said once"
    tiny = judge("mul", [y, y], {}, got).certificate(1).exact
    assert len(tiny) < 48
    assert len(judge("sqrt", [y], {}, got).certificate(1).exact) < 48


def test_wrong_shape_and_dtype_are_refused_whole() -> None:
    x = np.ones(3, np.float32)
    for got in (np.ones(2, np.float32), np.ones(3, np.float64), np.ones((3, 1), np.float32)):
        judged = judge("add", [x, x], {}, got)
        assert judged.problem is not None and not judged.passed and not judged.ok.any()
        assert judged.certificate(0).got == judged.problem


def test_a_given_reference_takes_nan_as_one_class() -> None:
    x = np.array([np.nan, -0.0], np.float32)
    outside = np.array([0xFFC0005A, 0], np.uint32).view(np.float32)
    got = np.array([np.nan, 0.0], np.float32)
    assert judge("maximum", [x, got], {}, got, reference=outside).passed


def test_mixed_dtypes_are_promoted_first() -> None:
    x, y = np.array([2**24 + 1], np.int32), np.array([0.5], np.float32)
    assert judge("add", [x, y], {}, np.array([2**24], np.float32)).passed
    assert judge("div", [x, x], {}, np.array([1], np.float32)).passed
