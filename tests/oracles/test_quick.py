"""Counting distances at speed: the same counts as mpmath's, and no trust beyond what is stated."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from conformance.harness.sweep import powers
from oracles import mpmath_ref
from oracles.catalog import FLOAT8
from oracles.edges import edges
from oracles.formats import FORMATS, Array
from oracles.mpmath_ref import quick
from oracles.mpmath_ref.rows import ROWS
from oracles.mpmath_ref.special import special

LIMITS = (0.0, 0.5, 0.55, 0.75, 1.0, 2.0)
UNARY = tuple(name for name in mpmath_ref.NAMES if name != "pow")
every_function = pytest.mark.parametrize("name", mpmath_ref.NAMES)


def operands(name: str, dtype: str, count: int) -> list[Array]:
    """Edges, operands of every exponent and moderate ones; pairs of a sample."""
    row = FORMATS[dtype]
    rng = np.random.default_rng(17)
    if name == "pow":
        return [row.from_bits(bits) for bits in powers.sampled(row, 4 * count, rng, first=True)]
    random = rng.integers(0, 1 << row.bits, count, dtype=np.uint64).astype(row.unsigned)
    moderate = np.exp2(rng.uniform(-14, 6, count)) * rng.choice([-1, 1], count)
    bits = np.concatenate([edges(dtype), random, row.to_bits(moderate.astype(row.numpy_dtype))])
    return [row.from_bits(bits)]


def shaken(name: str, *x: Array) -> Array:
    """Correct results, every third of them off by one or two units in the last place."""
    row = FORMATS[x[0].dtype.name]
    bits = row.to_bits(mpmath_ref.estimated(name, x)).copy()
    off = (np.arange(bits.size) % 3 == 0) & ~row.is_nan(bits)
    bits[off] ^= (1 + np.arange(bits.size) % 2)[off].astype(bits.dtype)
    return row.from_bits(bits)


def slowly(name: str, x: list[Array], got: Array) -> tuple[list[int], int, int]:
    """Places, wrong special values and correctly rounded results by mpmath alone."""
    row = FORMATS[got.dtype.name]
    mask, due = special(name, *x)
    pairs, results = zip(*(row.to_bits(one).tolist() for one in x)), row.to_bits(got).tolist()
    beyond = Fraction(2) ** (row.emax + 1)
    places, wrong, rounded = [0] * (len(LIMITS) + 1), 0, 0
    for k, (word, result) in enumerate(zip(pairs, results)):
        if mask[k]:
            wrong += result != due[k]
            continue
        distance = mpmath_ref.exact_distance(name, row, word, result)
        exact = mpmath_ref.true_value(name, row, word)
        overflows = abs(exact) >= beyond if row.infinite else abs(exact) > row.greatest
        hit = quick.is_rational(name, row, word) and row.decode(result) == exact
        if distance == 0 and not overflows and not hit:
            distance = 5e-324  # too small for a float, or for mpmath
        places[int(np.searchsorted(LIMITS, distance))] += 1
        rounded += row.round(exact, exact < 0) == result
    return places, wrong, rounded


@every_function
@pytest.mark.parametrize("dtype", [*FLOAT8, "bfloat16", "float16", "float32"])
def test_counts_are_those_of_mpmath(name: str, dtype: str) -> None:
    x = operands(name, dtype, 150)
    got = shaken(name, *x)
    found = quick.count(name, x, got, LIMITS)
    assert (found.places.tolist(), found.wrong_special, found.rounded) == slowly(name, x, got)
    assert found.elements == got.size == found.special + found.places.sum()


@pytest.mark.parametrize("name", ["exp2", "tan", "erf", "pow"])
def test_counts_of_float64_are_those_of_mpmath(name: str) -> None:
    x = operands(name, "float64", 60)
    got = shaken(name, *x)
    found = quick.count(name, x, got, LIMITS)
    assert (found.places.tolist(), found.wrong_special, found.rounded) == slowly(name, x, got)


def test_less_trust_gives_the_same_counts_with_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-20, 20, 4000, dtype=np.float32)
    got = shaken("sin", x)
    trusting = quick.count("sin", [x], got, LIMITS)
    monkeypatch.setattr(quick, "SLACK", 2.0**-31)
    wary = quick.count("sin", [x], got, LIMITS)
    assert wary.decided > trusting.decided
    np.testing.assert_array_equal(wary.places, trusting.places)
    assert wary.rounded == trusting.rounded


@pytest.mark.parametrize("name", UNARY)
def test_one_wrong_result_is_found(name: str) -> None:
    """One unit in the last place at one operand of 64 thousand, and one prescribed result."""
    x = np.arange(1 << 16).astype(np.uint16).view(np.float16)
    row = FORMATS["float16"]
    bits = row.to_bits(mpmath_ref.correctly_rounded(name, [x])).copy()
    assert quick.count(name, [x], row.from_bits(bits), LIMITS).places[2:].sum() == 0
    place = int(row.to_bits(np.float16([2.5 if name == "acosh" else 0.37]))[0])
    bits[place] += 1
    found = quick.count(name, [x], row.from_bits(bits), LIMITS)
    assert found.places[2:].sum() == 1
    assert found.worst[0].operands == (place,)
    bits[0x7E01] = 0x3C00  # of a NaN
    found = quick.count(name, [x], row.from_bits(bits), LIMITS)
    assert found.wrong_special == 1
    assert found.worst[0] == quick.Worst(float("inf"), (0x7E01,), 0x3C00)


@every_function
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_estimates_deserve_their_trust(name: str, dtype: str) -> None:
    quick.check_estimates(name, operands(name, dtype, 200))


def test_the_seams_of_erf() -> None:
    seams = np.float32([2.0**-6, 6.0, 2.0**-126])
    steps = np.arange(-40, 40, dtype=np.int32)
    x = (seams.view(np.int32)[:, None] + steps).reshape(-1).view(np.float32)
    quick.check_estimates("erf", [np.concatenate([x, -x])])


def test_a_poor_estimate_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    poor = replace(ROWS["log"], estimate=lambda x: np.log(x) * (1 + 2.0**-46))
    monkeypatch.setitem(ROWS, "log", poor)
    with pytest.raises(quick.TrustError, match="log at 0x40400000"):
        quick.check_estimates("log", [np.float32([3.0])])


def test_mpmath_is_not_asked_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "MAX_DECIDED", 100)
    monkeypatch.setattr(quick, "SLACK", 2.0**-20)
    x = np.linspace(1, 9, 4000, dtype=np.float32)
    with pytest.raises(ArithmeticError, match="undecided"):
        quick.count("log", [x], shaken("log", x), LIMITS)


def test_ties_are_judged_by_bits() -> None:
    """2**-25 lies halfway between 0 and the least float16: both are half an ulp away."""
    x = np.float16([-25, -25])
    got = np.array([0, 1], np.uint16).view(np.float16)
    found = quick.count("exp2", [x], got, LIMITS)
    assert found.places.tolist()[:2] == [0, 2]
    assert found.rounded == 1
    assert ROWS["exp2"].rational(Fraction(-25)) == Fraction(1, 1 << 25)


def test_powers_that_are_rational_are_told_from_others() -> None:
    """Of all pairs of an 8-bit float: nothing that is rational, and a format might hold, is missed.
    """
    row = FORMATS["float8_e5m2"]
    words = np.arange(1 << row.bits).astype(row.unsigned)
    pairs = [np.repeat(words, words.size), np.tile(words, words.size)]
    x, y = (row.from_bits(bits).astype(np.float64) for bits in pairs)
    asked = np.flatnonzero(~special("pow", x, y).mask & (x > 0))
    maybe = ROWS["pow"].maybe_rational(x, y)
    for k in asked.tolist():
        assert maybe[k] or not quick.is_rational("pow", row, tuple(int(one[k]) for one in pairs))
    assert 0 < np.count_nonzero(maybe[asked]) < asked.size


def test_large_powers_of_1_and_2_are_exact() -> None:
    power = ROWS["pow"].rational
    assert power(Fraction(-1), Fraction(2**100)) == 1
    assert power(Fraction(-1), Fraction(2**100 + 1)) == -1
    assert power(Fraction(2), Fraction(20_000)) == 1 << 20_000
    assert mpmath_ref.truth("pow", Fraction(2), Fraction(2**40)) > Fraction(2) ** 2000
