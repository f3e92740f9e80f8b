"""Functions of real numbers: special values, estimates, proofs at two precisions, distances."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from oracles import mpmath_ref
from oracles.edges import edges
from oracles.formats import FORMATS, Array
from oracles.mpmath_ref import proof
from oracles.mpmath_ref.rows import ROWS, WIDE
from oracles.ulp import ulp_of_fraction, ulp_of_wide

FLOATS = ("float16", "float32", "float64")
UNARY = tuple(name for name in mpmath_ref.NAMES if name != "pow")
INF, NAN = np.inf, np.nan

SPANS: dict[str, tuple[float, float]] = {
    "exp": (-745, 709), "exp2": (-1074, 1023), "expm1": (-40, 709), "sinh": (-710, 710),
    "cosh": (-710, 710), "tanh": (-20, 20), "erf": (-6, 6), "sigmoid": (-745, 40),
    "sin": (-30, 30), "cos": (-30, 30), "tan": (-30, 30), "asin": (-1, 1), "acos": (-1, 1),
    "atanh": (-1, 1), "acosh": (1, 30), "log1p": (-1, 30), "atan": (-30, 30), "asinh": (-30, 30),
    "log": (0, 30), "log2": (0, 30), "log10": (0, 30), "rsqrt": (0, 30),
}  # fmt: skip


def _near_multiples_of_half_pi() -> Array:
    """float64 next to k * pi / 2, small k and large, where sine or cosine nearly vanish."""
    k = np.concatenate([np.arange(1, 60), 2.0 ** np.arange(8, 60)])
    return np.asarray(k * (np.pi / 2))


def hard_points(name: str, rng: np.random.Generator, dtype: str = "float64") -> list[Array]:
    """Operands over the whole domain of a function, and where it turns, vanishes or is flat."""
    if name == "pow":
        return _hard_powers(rng, dtype)
    low, high = SPANS[name]
    spread = rng.uniform(low, high, 120)
    tiny = rng.uniform(-1, 1, 60) * 2.0 ** rng.integers(-60, -8, 60)
    x = np.concatenate([spread, tiny, low + np.abs(tiny), high - np.abs(tiny)])
    if name in ("log", "log2", "log10", "acosh", "rsqrt", "asinh", "atan"):
        x = np.concatenate([x, 1 + tiny, np.exp2(rng.uniform(-1060, 1020, 80))])
    if name in ("sin", "cos", "tan"):
        large = rng.uniform(1, 2, 60) * 2.0 ** rng.integers(5, 1020, 60)
        x = np.concatenate([x, large, _near_multiples_of_half_pi(), [2.0**1023 * 1.9, 1e22]])
    with np.errstate(over="ignore"):
        return [x.astype(dtype)]


def _hard_powers(rng: np.random.Generator, dtype: str) -> list[Array]:
    near = 1 + rng.uniform(-1, 1, 120) * 2.0 ** rng.integers(-50, -3, 120)
    steep = rng.uniform(-700, 700, 120) / np.log(near)
    bases = np.exp2(rng.uniform(-1000, 1000, 120))
    flat = rng.uniform(-700, 700, 120) / np.log(bases)
    negative, whole = -rng.uniform(0.2, 40, 60), rng.integers(-180, 180, 60).astype(float)
    x, y = np.concatenate([near, bases, negative]), np.concatenate([steep, flat, whole])
    with np.errstate(over="ignore"):
        return [x.astype(dtype), y.astype(dtype)]


def _exactly(value: np.longdouble) -> Fraction:
    high = float(value)
    return Fraction(high) + Fraction(float(value - WIDE(high)))


@pytest.mark.parametrize("name", mpmath_ref.NAMES)
def test_estimates_keep_half_their_error(name: str) -> None:
    operands = hard_points(name, np.random.default_rng(2))
    known = mpmath_ref.filtered(name, operands)
    row = FORMATS["float64"]
    words = [row.to_bits(one) for one in operands]
    for k in np.flatnonzero(~known.special.mask).tolist():
        if not 2.0**-950 < abs(known.value[k]) < 2.0**1020:
            continue  # the two halves of a longdouble are float64
        exact = mpmath_ref.true_value(name, row, tuple(int(one[k]) for one in words))
        error = abs(_exactly(known.value[k]) - exact)
        assert error <= abs(exact) * Fraction(ROWS[name].error) / 2, [one[k] for one in operands]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", mpmath_ref.NAMES)
def test_rounding_agrees_with_mpmath(name: str, dtype: str) -> None:
    row = FORMATS[dtype]
    rng = np.random.default_rng(5)
    operands = [one[::5] for one in hard_points(name, rng, dtype)]
    some = row.from_bits(edges(dtype)[::5])
    for k, one in enumerate(operands):
        operands[k] = np.concatenate([one, some if k == 0 else rng.permutation(some)])
    got = row.to_bits(mpmath_ref.FUNCTIONS[name](*operands))
    prescribed = mpmath_ref.special(name, *operands)
    words = np.stack([row.to_bits(one) for one in operands], axis=-1).tolist()
    for k, bits in enumerate(words):
        if prescribed.mask[k]:
            assert got[k] == prescribed.bits[k]
        else:
            assert got[k] == row.round(mpmath_ref.true_value(name, row, tuple(bits)))


@pytest.mark.parametrize("name", UNARY)
def test_estimates_of_every_float16_are_rounded_once(name: str) -> None:
    """Through float32, a few in each function would be rounded twice."""
    x = np.arange(1 << 16).astype(np.uint16).view(np.float16)
    found = mpmath_ref.estimated(name, [x])
    assert found.tobytes() == mpmath_ref.correctly_rounded(name, [x]).tobytes()


@pytest.mark.parametrize("name", UNARY)
def test_every_float16_is_within_half_an_ulp(name: str) -> None:
    row = FORMATS["float16"]
    x = row.from_bits(np.arange(1 << 16, dtype=np.uint16))
    got = mpmath_ref.FUNCTIONS[name](x)
    ulps, _ = mpmath_ref.distances(mpmath_ref.filtered(name, [x]), got)
    assert ulps.max() <= 0.5


HALF_PI = np.pi / 2
ANNEX_F: dict[str, list[tuple[float, float]]] = {
    "exp": [(0.0, 1), (-0.0, 1), (-INF, 0.0), (INF, INF), (710, INF), (-800, 0.0)],
    "exp2": [(0.0, 1), (-0.0, 1), (-INF, 0.0), (INF, INF), (1024, INF), (-1075, 0.0), (10, 1024),
             (-1074, 5e-324)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (-INF, -1), (INF, INF), (5e-324, 5e-324), (-50, -1),
              (710, INF)],
    "log": [(0.0, -INF), (-0.0, -INF), (1, 0.0), (-1, NAN), (-INF, NAN), (INF, INF)],
    "log2": [(0.0, -INF), (-0.0, -INF), (1, 0.0), (-1, NAN), (INF, INF), (2.0**-1074, -1074)],
    "log10": [(0.0, -INF), (-0.0, -INF), (1, 0.0), (-1, NAN), (INF, INF), (1e22, 22)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1, -INF), (-1.5, NAN), (INF, INF), (-INF, NAN),
              (-5e-324, -5e-324)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (1e-310, 1e-310)],
    "cos": [(0.0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN), (1e-310, 1)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (HALF_PI, 1.633123935319537e16)],
    "asin": [(0.0, 0.0), (-0.0, -0.0), (1.5, NAN), (-INF, NAN), (1, HALF_PI)],
    "acos": [(1, 0.0), (1.5, NAN), (-INF, NAN), (-1, np.pi), (0.0, HALF_PI)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (INF, HALF_PI), (-INF, -HALF_PI), (1e300, HALF_PI)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (711, INF), (-711, -INF)],
    "cosh": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, INF), (-711, INF)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (30, 1), (-1e300, -1)],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (-5e-324, -5e-324)],
    "acosh": [(1, 0.0), (0.5, NAN), (-INF, NAN), (INF, INF)],
    "atanh": [(0.0, 0.0), (-0.0, -0.0), (1, INF), (-1, -INF), (1.5, NAN), (-INF, NAN)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (6, 1), (-1e300, -1)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0.0), (40, 1), (-800, 0.0)],
    "rsqrt": [(0.0, INF), (-0.0, -INF), (-1, NAN), (INF, 0.0), (4, 0.5), (2.0**-1074, 2.0**537)],
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_special_values(name: str) -> None:
    points = [*ANNEX_F[name], (NAN, NAN), (-NAN, NAN)]
    got = mpmath_ref.FUNCTIONS[name](np.array([x for x, _ in points]))
    want = np.array([y for _, y in points])
    assert np.array_equal(got, want, equal_nan=True), list(zip(points, got.tolist()))
    ordered = ~np.isnan(want)
    assert np.array_equal(np.signbit(got)[ordered], np.signbit(want)[ordered])
    assert np.all(got.view(np.uint64)[~ordered] == FORMATS["float64"].canonical_nan)


POWERS: list[tuple[float, float, float]] = [
    (0.0, -3, INF), (-0.0, -3, -INF), (0.0, -2, INF), (-0.0, -2, INF), (-0.0, -2.5, INF),
    (0.0, -INF, INF), (-0.0, -INF, INF), (0.0, 3, 0.0), (-0.0, 3, -0.0), (-0.0, 2, 0.0),
    (-0.0, 0.5, 0.0), (-0.0, INF, 0.0), (-1, INF, 1), (-1, -INF, 1), (1, NAN, 1), (1, -INF, 1),
    (NAN, 0.0, 1), (NAN, -0.0, 1), (INF, 0.0, 1), (-2, 0.5, NAN), (-2, -1.5, NAN), (0.5, -INF, INF),
    (-0.5, -INF, INF), (2, -INF, 0.0), (-2, -INF, 0.0), (0.5, INF, 0.0), (-0.5, INF, 0.0),
    (2, INF, INF), (-2, INF, INF), (-INF, -3, -0.0), (-INF, -2, 0.0), (-INF, -0.5, 0.0),
    (-INF, 3, -INF), (-INF, 2, INF), (-INF, 0.5, INF), (INF, -0.5, 0.0), (INF, 0.5, INF),
    (NAN, 2, NAN), (2, NAN, NAN), (-INF, INF, INF), (-INF, -INF, 0.0), (-2, 3, -8), (-2, -2, 0.25),
    (4, 0.5, 2), (16, 0.75, 8), (2, 1024, INF), (-2, 1025, -INF), (2, -1075, 0.0),
    (-2, -1077, -0.0), (-1, 3, -1), (-1, 1e300, 1), (2.0**-1074, -1, INF), (1e300, 1e300, INF),
    (1e-300, 1e300, 0.0),
]  # fmt: skip


def test_special_powers() -> None:
    x, y, want = (np.array(column) for column in zip(*POWERS))
    got = mpmath_ref.FUNCTIONS["pow"](x, y)
    assert np.array_equal(got, want, equal_nan=True), list(zip(POWERS, got.tolist()))
    ordered = ~np.isnan(want)
    assert np.array_equal(np.signbit(got)[ordered], np.signbit(want)[ordered])


def test_ties_of_powers_are_exact() -> None:
    """x**1.5 of squares may lie halfway between two float32: 4097**3 has 37 bits, 289**3 25."""
    x = np.array([289.0**2, 4097.0**2], np.float32)
    assert mpmath_ref.truth("pow", Fraction(289**2), Fraction(3, 2)) == 289**3
    got = mpmath_ref.FUNCTIONS["pow"](x, np.float32([1.5, 1.5]))
    row = FORMATS["float32"]
    want = [row.round(Fraction(289**3)), row.round(Fraction(float(x[1])) * 4097)]
    assert row.to_bits(got).tolist() == want


def test_integers_convert_to_float32_first() -> None:
    got = mpmath_ref.FUNCTIONS["log2"](np.array([2**24 + 1, 8], np.int32))
    assert got.dtype == np.float32
    assert got.tolist() == [24, 3]


@pytest.mark.parametrize("name", ["exp2", "cosh", "pow"])
def test_a_value_that_precisions_disagree_on_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = proof._at_precision
    lying = {proof.PRECISIONS[0]: Fraction(1, 2**100), proof.PRECISIONS[1]: Fraction(0)}
    monkeypatch.setattr(proof, "_at_precision", lambda n, x, p: honest(n, x, p) + lying[p])
    operands = [Fraction(12347, 65536)] * len(ROWS[name].harmless)
    with pytest.raises(mpmath_ref.ProofError):
        mpmath_ref.truth(name, *operands)


def test_the_binade_of_a_value_next_to_one_is_known() -> None:
    """1 - x**2 / 2 with x = 2**-1074 is below 1, where an ulp is half of that above."""
    row = FORMATS["float64"]
    tiny = (1,)
    below = row.round(Fraction(1)) - 1
    assert mpmath_ref.truth("cos", Fraction(1, 2**1074)) < 1
    assert mpmath_ref.exact_distance("cos", row, tiny, below) == 1
    assert mpmath_ref.exact_distance("cosh", row, tiny, below) == 0.5
    far = int(row.to_bits(np.array([300.0]))[0])
    for name in ("tanh", "erf", "sigmoid"):
        assert mpmath_ref.exact_distance(name, row, (far,), below) == pytest.approx(1)
        known = mpmath_ref.filtered(name, [np.array([300.0], np.float32)])
        step = np.array([1 - 2.0**-24], np.float32)
        ulps, doubtful = mpmath_ref.distances(known, step)
        assert ulps[0] == pytest.approx(1) and not doubtful[0]


def test_ulp_distance() -> None:
    row = FORMATS["float32"]
    one = row.round(Fraction(1))
    assert ulp_of_fraction(row, one + 1, Fraction(1)) == 1
    assert ulp_of_fraction(row, one - 1, Fraction(1)) == Fraction(1, 2)
    assert ulp_of_fraction(row, 1, Fraction(2) ** -150) == Fraction(1, 2)
    assert ulp_of_fraction(row, row.infinity, Fraction(2) ** 128) == 0
    got = np.array([1 + 2**-23, 0, -0.0, np.nan, np.inf, 2.0**-149], np.float32)
    truth = np.array([1, 2.0**-149, 2.0**-149, 1, 2.0**128, 0], WIDE)
    assert ulp_of_wide(got, truth).tolist() == [1, 1, np.inf, np.inf, 0, 1]


@pytest.mark.parametrize("name", mpmath_ref.NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_estimates_decide_nearly_all(dtype: str, name: str) -> None:
    """mpmath, a thousand times as slow, has all of erf in float64 and next to nothing else."""
    rng = np.random.default_rng(3)
    count = 100_000 if dtype == "float32" else 5_000
    x = rng.uniform(*SPANS.get(name, (0.1, 30)), count).astype(dtype)
    operands = [x, rng.uniform(-9, 9, count).astype(dtype)][: len(ROWS[name].harmless)]
    known = mpmath_ref.filtered(name, operands)
    _, doubtful = mpmath_ref.distances(known, mpmath_ref.estimated(name, operands))
    if (name, dtype) == ("erf", "float64"):
        assert doubtful.all()
    else:
        assert doubtful.sum() < count / 1000
