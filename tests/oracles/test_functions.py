"""exp2 and log2: filters, special values, proofs at two precisions, ulp distance."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from oracles import double_double, mpmath_ref
from oracles.edges import edges
from oracles.formats import FORMATS, Array
from oracles.ulp import ulp_of_float64, ulp_of_fraction

FLOATS = ("float16", "float32", "float64")


def _points(name: str) -> Array:
    rng = np.random.default_rng(2)
    tiny = rng.uniform(-1, 1, 60) * 2.0 ** rng.integers(-60, -8, 60)
    if name == "exp2":
        return np.concatenate([rng.uniform(-1070, 1020, 150), rng.uniform(-1, 1, 100), tiny])
    near = 1 + np.arange(1, 20) * 2.0**-52
    low = 1 - np.arange(1, 20) * 2.0**-53
    wide = np.exp2(rng.uniform(-1070, 1020, 150))
    return np.concatenate([wide, rng.uniform(0.5, 2, 150), 1 + tiny, near, low])


@pytest.mark.parametrize("name", mpmath_ref.NAMES)
def test_the_double_double_filter_keeps_its_bound(name: str) -> None:
    x = _points(name)
    pair, exponent = getattr(double_double, name)(x)
    for k, point in enumerate(x.tolist()):
        exact = mpmath_ref.truth(name, Fraction(point))
        high, low = Fraction(float(pair.high[k])), Fraction(float(pair.low[k]))
        got = (high + low) * Fraction(2) ** int(exponent[k])
        assert abs(got - exact) <= abs(exact) * Fraction(double_double.ERROR) / 4


@pytest.mark.parametrize("name", mpmath_ref.NAMES)
def test_the_float64_filter_is_good_enough_for_float32(name: str) -> None:
    """Its claimed error is 2**-50; the double-double filter measures it."""
    x = np.random.default_rng(4).uniform(0.001, 120, 20000).astype(np.float32)
    wide = x.astype(np.float64)
    pair, exponent = getattr(double_double, name)(wide)
    error = np.ldexp(getattr(np, name)(wide), -exponent) - pair.high - pair.low
    assert np.all(np.abs(error) <= 2.0**-51 * np.abs(pair.high))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", mpmath_ref.NAMES)
def test_rounding_agrees_with_mpmath_on_edges(name: str, dtype: str) -> None:
    row = FORMATS[dtype]
    x = row.from_bits(edges(dtype)[::3])
    got = row.to_bits(mpmath_ref.FUNCTIONS[name](x))
    prescribed = mpmath_ref.special(name, x)
    for k, bits in enumerate(row.to_bits(x).tolist()):
        if prescribed.mask[k]:
            assert got[k] == prescribed.bits[k]
        else:
            assert got[k] == row.round(mpmath_ref.true_value(name, row, bits))


@pytest.mark.parametrize("name", mpmath_ref.NAMES)
def test_every_float16_is_within_half_an_ulp(name: str) -> None:
    row = FORMATS["float16"]
    x = row.from_bits(np.arange(1 << 16, dtype=np.uint16))
    got = mpmath_ref.FUNCTIONS[name](x)
    ulps, _ = mpmath_ref.distances(mpmath_ref.filtered(name, x), got)
    assert ulps.max() <= 0.5


def test_special_values_of_annex_f() -> None:
    inf, nan = np.inf, np.nan
    got = mpmath_ref.exp2(np.array([-inf, inf, 0.0, -0.0, nan, 1024, -1075, -1074, 10]))
    want = [0, inf, 1, 1, nan, inf, 0, 5e-324, 1024]
    assert np.array_equal(got, np.array(want), equal_nan=True)
    assert not np.signbit(got[6])
    got = mpmath_ref.log2(np.array([-0.0, 0.0, 1, -1, -inf, inf, nan, 2.0**-1074]))
    assert np.array_equal(got, [-inf, -inf, 0, nan, nan, inf, nan, -1074], equal_nan=True)
    assert not np.signbit(got[2])


def test_integers_convert_to_float32_first() -> None:
    got = mpmath_ref.log2(np.array([2**24 + 1, 8], np.int32))
    assert got.dtype == np.float32
    assert got.tolist() == [24, 3]


def test_a_value_that_precisions_disagree_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = mpmath_ref._at_precision
    lying = {mpmath_ref.PRECISIONS[0]: Fraction(1, 2**100), mpmath_ref.PRECISIONS[1]: Fraction(0)}
    monkeypatch.setattr(mpmath_ref, "_at_precision", lambda n, x, p: honest(n, x, p) + lying[p])
    with pytest.raises(mpmath_ref.ProofError):
        mpmath_ref.truth("exp2", Fraction(12345, 65536))


def test_ulp_distance() -> None:
    row = FORMATS["float32"]
    one = row.round(Fraction(1))
    assert ulp_of_fraction(row, one + 1, Fraction(1)) == 1
    assert ulp_of_fraction(row, one - 1, Fraction(1)) == Fraction(1, 2)
    assert ulp_of_fraction(row, 1, Fraction(2) ** -150) == Fraction(1, 2)
    assert ulp_of_fraction(row, row.infinity, Fraction(2) ** 128) == 0
    got = np.array([1 + 2**-23, 0, -0.0, np.nan, np.inf], np.float32)
    truth = np.array([1, 2.0**-149, 2.0**-149, 1, 2.0**128])
    assert ulp_of_float64(got, truth).tolist() == [1, 1, np.inf, np.inf, 0]
