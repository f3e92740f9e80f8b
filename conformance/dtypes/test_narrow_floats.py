"""Floats of 8 and 16 bits: every value through every operation of one operand and every cast, all
pairs of float8 through every operation of two.

Devices store their bits and compute in float32. What that gives is compared with tables of numbers,
exact middles between them, and mpmath: see `narrow`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from conformance.dtypes.narrow import (
    BINARY,
    COMPARISONS,
    FLOAT8,
    NARROW,
    binary,
    integers_around,
    middles,
    nearest,
    numbers,
    patterns,
    rounded_function,
    values,
    with_sign,
)
from conformance.harness.devices import under_test
from engine import Context, Tensor
from engine.decompose.functions.ties import TIES
from engine.target import TEST_TARGETS
from oracles import mpmath_ref
from oracles.catalog import ALL
from oracles.formats import FORMATS, Array

DEVICE = "LLVM"
ROUNDINGS = {"trunc": np.trunc, "floor": np.floor, "ceil": np.ceil, "round": np.rint}
SIMPLE: dict[str, Callable[[Array], Array]] = {
    **ROUNDINGS,
    "sqrt": np.sqrt,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "sign": lambda x: np.where(x == 0, 0.0, np.sign(x)),
    "relu": lambda x: np.where(x <= 0, 0.0, x),
}
FUNCTIONS = [name for name in mpmath_ref.NAMES if name != "pow"]
INTEGERS = [name for name in ALL if FORMATS[name].kind in ("int", "uint")]
WIDE = ("float32", "float64")
# Pairs whose power is nearest to a middle without being one, of all pairs: 2**-43.1, 2**-40.9 and
# 2**-40.5 of its size away. No power of bfloat16 comes nearer than 2**-38.
HARDEST_POWERS = {"float16": [(0x4CB9, 0x8572), (0x4886, 0x8744), (0x01FE, 0xA0EA)], "bfloat16": []}
narrow = pytest.mark.parametrize("name", NARROW)
float8 = pytest.mark.parametrize("name", FLOAT8)


def tensor(name: str, bits: Array, device: str = DEVICE) -> Tensor:
    return Tensor.from_bytes(bits.tobytes(), name, bits.shape, device=device)


def bits_of(result: Tensor) -> Array:
    return np.frombuffer(result.tobytes(), FORMATS[result.dtype.name].unsigned)


def assert_bits(result: Tensor, wanted: Array, *operands: Array) -> None:
    """All bits as wanted, else the first operands for which they are not."""
    got = bits_of(result)
    wrong = np.flatnonzero(got != wanted)
    assert not wrong.size, (
        f"{wrong.size} wrong; first {[hex(int(one[wrong[0]])) for one in operands]} gives "
        f"{got[wrong[0]]:#x} and not {wanted[wrong[0]]:#x}"
    )


# -- one operand -----------------------------------------------------------------------------------
@narrow
@pytest.mark.parametrize("op", SIMPLE)
def test_every_value_through_what_is_exact(name: str, op: str) -> None:
    """In float64 the results are exact or have more than 2p + 2 bits."""
    x = patterns(name)
    with np.errstate(all="ignore"):
        wanted = nearest(name, SIMPLE[op](values(name, x)))
    assert_bits(getattr(tensor(name, x), op)(), wanted, x)


@narrow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_value_through_functions(name: str, function: str) -> None:
    """Correctly rounded, all of them."""
    x = patterns(name)
    assert_bits(getattr(tensor(name, x), function)(), rounded_function(function, name, x), x)


@narrow
def test_signs_are_moved_as_bits(name: str) -> None:
    x = patterns(name)
    ones = np.full_like(x, FORMATS[name].sign_bit)
    t = tensor(name, x)
    assert_bits(-t, with_sign(name, x, ~x), x)
    assert_bits(t.abs(), with_sign(name, x, np.zeros_like(x)), x)
    assert_bits(t.copysign(-1.0), with_sign(name, x, ones), x)


@narrow
def test_questions_about_every_value(name: str) -> None:
    x = patterns(name)
    number, t = values(name, x), tensor(name, x)
    for op, wanted in (
        ("isnan", np.isnan(number)), ("isinf", np.isinf(number)),
        ("isfinite", np.isfinite(number)), ("logical_not", number == 0),
    ):  # fmt: skip
        assert_bits(getattr(t, op)(), wanted.view(np.uint8), x)
    order = np.argsort(number, kind="stable")
    assert np.array_equal(t.argsort().numpy(), order)
    assert np.array_equal(bits_of(t.sort()[0]), x[order]), "sorting moves bits"


# -- casts -----------------------------------------------------------------------------------------
@narrow
@pytest.mark.parametrize("target", (*ALL, *NARROW))
def test_every_value_is_cast(name: str, target: str) -> None:
    x, row = patterns(name), FORMATS[target]
    number = values(name, x)
    if target == name:
        wanted = x
    elif row.kind == "bool":
        wanted = (number != 0).view(np.uint8)
    elif target in NARROW:
        wanted = nearest(target, number)
    elif row.is_float:
        wanted = row.to_bits(number.astype(row.numpy_dtype)).copy()
        wanted[np.isnan(number)] = row.canonical_nan
    else:
        whole = [0 if v != v else max(min(v, 2.0**70), -(2.0**70)) for v in number.tolist()]
        clamped = [min(max(int(v), row.minimum), row.maximum) for v in whole]
        wanted = row.to_bits(np.array(clamped, row.numpy_dtype))
    assert_bits(tensor(name, x).cast(target), wanted, x)


@narrow
@pytest.mark.parametrize("source", WIDE)
def test_wide_floats_are_rounded_once(name: str, source: str) -> None:
    """At every number and every middle of two, and one step of the wide format beside them."""
    row = FORMATS[source]
    grid = np.concatenate([numbers(name), middles(name)]).astype(row.numpy_dtype)
    beside = [np.nextafter(grid, row.numpy_dtype.type(side)) for side in (-np.inf, np.inf)]
    special = row.from_bits(np.array([row.infinity, row.nan(1), row.largest, 1], row.unsigned))
    positive = np.concatenate([grid, *beside, special])
    x = np.concatenate([positive, -positive])
    assert_bits(tensor(source, row.to_bits(x)).cast(name), nearest(name, x), row.to_bits(x))


@pytest.mark.parametrize("name", ("bfloat16", *FLOAT8))
def test_float64_is_not_rounded_to_float32_before(name: str) -> None:
    """A float64 just above a middle, at which float32 would arrive."""
    middle = middles(name)[: FORMATS[name].largest]
    x = middle * (1 + 2.0**-40)
    assert (x.astype(np.float32) == middle.astype(np.float32)).all()
    assert_bits(tensor("float64", x.view(np.uint64)).cast(name), nearest(name, x))


@narrow
@pytest.mark.parametrize("source", INTEGERS)
def test_integers_are_rounded_once(name: str, source: str) -> None:
    """At and beside all numbers and middles."""
    row, x = FORMATS[source], integers_around(name, source)
    exact = [FORMATS[name].round(Fraction(one)) for one in x.tolist()]
    wanted = np.array(exact, FORMATS[name].unsigned)
    assert_bits(tensor(source, row.to_bits(x)).cast(name), wanted, row.to_bits(x))


@narrow
def test_a_round_trip_is_not_the_identity(name: str) -> None:
    """Fusing does not elide the rounding between two casts."""
    x = np.array([1e9, 0.1, -0.3, 1e-8, 2049.0], np.float32)
    there_and_back = tensor("float32", x.view(np.uint32)).cast(name).cast("float32")
    assert np.array_equal(there_and_back.numpy(), values(name, nearest(name, x)))
    total = tensor("float32", x.view(np.uint32)).cast(name) + 0.1
    wanted = nearest(name, values(name, nearest(name, x)) + values(name, nearest(name, 0.1)))
    assert_bits(total, wanted)


# -- two operands ----------------------------------------------------------------------------------
def all_pairs(name: str) -> tuple[Array, Array]:
    x = patterns(name)
    return np.repeat(x, x.size), np.tile(x, x.size)


@float8
@pytest.mark.parametrize("op", BINARY)
def test_all_pairs_of_float8(name: str, op: str) -> None:
    x, y = all_pairs(name)
    assert_bits(getattr(tensor(name, x), op)(tensor(name, y)), binary(op, name, x, y), x, y)


@float8
def test_powers_of_all_pairs_of_float8(name: str) -> None:
    x, y = all_pairs(name)
    wanted = rounded_function("pow", name, x, y)
    assert_bits(tensor(name, x).pow(tensor(name, y)), wanted, x, y)


@pytest.mark.parametrize("name", HARDEST_POWERS)
def test_powers_of_16_bits(name: str) -> None:
    """Every base to exponents that give exact results and middles, random pairs, hard ones."""
    every, row = patterns(name), FORMATS[name]
    exact = nearest(name, np.array([2.0, 3.0, 4.0, 5.0, 7.0, 0.5, 1.5, 2.5, 0.25, -1.0, -2.0]))
    rng = np.random.default_rng(12)
    size = values(name, rng.integers(1, row.infinity, 300_000).astype(row.unsigned))
    with np.errstate(all="ignore"):
        reach = rng.uniform(row.emin - row.precision, row.emax + 1, size.size) / np.log2(size)
    hard = np.array(HARDEST_POWERS[name], row.unsigned).reshape(-1, 2)
    x = np.concatenate([np.tile(every, exact.size), nearest(name, size), hard[:, 0]])
    y = np.concatenate([np.repeat(exact, every.size), nearest(name, reach), hard[:, 1]])
    got = tensor(name, x).pow(tensor(name, y))
    assert_bits(got, rounded_function("pow", name, x, y), x, y)


@pytest.mark.parametrize("emulate", (*TEST_TARGETS, "float64"))
def test_hard_operands_on_poorer_devices(emulate: str) -> None:
    """Where float32, rounded once more, would be wrong."""
    with Context(EMULATE=emulate):
        for name, rows in TIES.items():
            for function, ties in rows.items():
                one_sign = np.array([*ties.greater, *ties.smaller], FORMATS[name].unsigned)
                x = np.concatenate([one_sign, one_sign | FORMATS[name].sign_bit])
                wanted = rounded_function(function, name, x)
                assert_bits(getattr(tensor(name, x), function)(), wanted, x)
        for name, pairs in HARDEST_POWERS.items():
            x, y = np.array([*pairs, (1, 1)], FORMATS[name].unsigned).T.copy()
            wanted = rounded_function("pow", name, x, y)
            assert_bits(tensor(name, x).pow(tensor(name, y)), wanted, x, y)


@float8
def test_all_pairs_of_float8_compare(name: str) -> None:
    x, y = all_pairs(name)
    left, right = tensor(name, x), tensor(name, y)
    for op, meaning in COMPARISONS.items():
        wanted = meaning(values(name, x), values(name, y)).view(np.uint8)
        assert_bits(getattr(left, f"__{op}__")(right), wanted, x, y)
    assert_bits(left.copysign(right), with_sign(name, x, y), x, y)


@pytest.mark.parametrize("name", ("bfloat16", "float16"))
@pytest.mark.parametrize("op", BINARY)
def test_pairs_of_16_bits(name: str, op: str) -> None:
    """Random patterns, neighbours, and operands whose product is about the least number."""
    rng, row = np.random.default_rng(11), FORMATS[name]
    x = rng.integers(0, 1 << 16, 300_000).astype(row.unsigned)
    y = rng.integers(0, 1 << 16, 300_000).astype(row.unsigned)
    third = x.size // 3
    y[:third] = x[:third] + rng.integers(-3, 4, third).astype(row.unsigned)
    with np.errstate(all="ignore"):
        factor = numbers(name)[rng.integers(1, 200, third)] / np.abs(values(name, x[-third:]))
    y[-third:] = nearest(name, factor)
    assert_bits(getattr(tensor(name, x), op)(tensor(name, y)), binary(op, name, x, y), x, y)


# -- scalars, sums, devices ------------------------------------------------------------------------
@narrow
def test_scalars_are_rounded_first(name: str) -> None:
    x = patterns(name)
    tenth = np.full_like(x, int(nearest(name, 0.1)))
    assert_bits(tensor(name, x) * 0.1, binary("mul", name, x, tenth), x)


@narrow
def test_sums_are_kept_in_float32(name: str) -> None:
    """100 ones: e4m3fn has no more than 96 there, where adding one by one would end at 16."""
    one = int(nearest(name, 1.0))
    ones = tensor(name, np.full(100, one, FORMATS[name].unsigned))
    assert_bits(ones.sum().reshape(1), nearest(name, np.array([100.0])))
    assert_bits(ones.mean().reshape(1), nearest(name, np.array([1.0])))
    product = ones.reshape(1, 100) @ ones.reshape(100, 1)
    assert_bits(product.reshape(1), nearest(name, np.array([100.0])))


@narrow
@pytest.mark.parametrize("columns", [40, 100])
def test_extremes_of_rows(name: str, columns: int) -> None:
    """A row of 32 lanes and a part of one, and several; a NaN is the extreme of its row."""
    every = patterns(name)
    x = every[: every.size // columns * columns].reshape(-1, columns)
    number, t = values(name, x), tensor(name, x)
    assert_bits(t.max(axis=1), nearest(name, number.max(axis=1)))
    assert_bits(t.min(axis=1), nearest(name, number.min(axis=1)))


@narrow
def test_devices_agree_in_every_bit(name: str) -> None:
    """Results of one kernel with several operations, each of them rounded."""
    x = patterns(name)
    found = {}
    for device in under_test():
        if device.subject is not None:
            t = tensor(name, x, device.name)
            found[device.name] = (((t * t + 0.3) / (t - 0.7)).exp2() - t // 0.3).tobytes()
    assert len(found) > 1 and len(set(found.values())) == 1
