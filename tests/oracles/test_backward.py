"""Factors by backward error: each property is missed by a result that lacks it alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oracles import numpy_ref
from oracles.accept import Judgement, judge
from oracles.backward import singular_values
from oracles.catalog import ROWS
from oracles.formats import FORMATS, Array

DTYPES = ("float16", "float32", "float64")
SHAPES = ((5, 3), (3, 5), (4, 4), (1, 1), (2, 0), (0, 2))
Change = Callable[[list[Array]], None]


def matrices(shape: tuple[int, ...], dtype: str, seed: int = 4) -> Array:
    """Some matrices of ordinary numbers, one of dependent columns, one of zeros."""
    made = np.random.default_rng(seed).standard_normal((5, *shape))
    if made.size:
        made[1, :, -1] = made[1, :, 0]
        made[2] = 0
        made[3] *= 2.0 ** np.arange(shape[1])
    return made.astype(dtype)


def factors(op: str, x: Array) -> list[Array]:
    return [numpy_ref.evaluate(op, [x], {"output": k}) for k in range(ROWS[op].outputs)]


def judged(op: str, x: Array, parts: list[Array], number: int, alone: bool) -> Judgement:
    beside = {} if alone else {k: part for k, part in enumerate(parts) if k != number}
    return judge(op, [x], {"output": number}, parts[number], beside=beside)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", ["qr", "svd"])
def test_factors_of_the_reference_are_accepted(op: str, dtype: str) -> None:
    for shape in SHAPES:
        x = matrices(shape, dtype)
        parts = factors(op, x)
        for number in range(len(parts)):
            for alone in (True, False):
                assert judged(op, x, parts, number, alone).passed, (shape, number, alone)


def _negated(number: int) -> Change:
    """The first column of U, or the first row of V transposed, with the other sign."""

    def change(parts: list[Array]) -> None:
        part = parts[number][0]
        vectors = part.T if number == 0 else part
        vectors[0] *= -1

    return change


def _scaled(number: int, units: float) -> Change:
    """The first column longer by some units."""

    def change(parts: list[Array]) -> None:
        parts[number][0][:, 0] *= 1 + units * 9 * np.finfo(parts[number].dtype).eps

    return change


def _turned(first: int, second: int) -> Change:
    """Two columns of Q, and the rows of R that belong to them, turned by a right angle."""

    def change(parts: list[Array]) -> None:
        q, r = parts
        q[0][:, [first, second]] = q[0][:, [second, first]] * [1, -1]
        r[0][[first, second]] = r[0][[second, first]] * [[1], [-1]]

    return change


def _below(parts: list[Array]) -> None:
    parts[1][0, 2, 0] = -0.0


def _other_signs(parts: list[Array]) -> None:
    """Q and R with a column and a row of the other sign, whose product is the same."""
    parts[0][0][:, 1] *= -1
    parts[1][0][1] *= -1


def _swapped(parts: list[Array]) -> None:
    """Singular values, and what belongs to them, in another order."""
    order = [1, 0, 2]
    parts[0][0] = parts[0][0][:, [*order, 3, 4]]
    parts[1][0], parts[2][0] = parts[1][0][order], parts[2][0][order]


def _negative(parts: list[Array]) -> None:
    parts[1][2, 0] = -0.0


def _off(parts: list[Array]) -> None:
    parts[1][0, 2] += parts[1][0, 0] * 20 * np.finfo(parts[1].dtype).eps


def _apart(parts: list[Array]) -> None:
    """U and V turned alike in the plane of two different singular values."""
    for part in (parts[0][0].T, parts[2][0]):
        part[[0, 1]] = part[[1, 0]] * [[1], [-1]]


# operator, result that is judged, whether alone, what is wrong with it
PLANTED: dict[str, tuple[str, int, bool, Change]] = {
    "Q is not orthonormal": ("qr", 0, True, _scaled(0, 3)),
    "Q spans other columns": ("qr", 0, True, _turned(0, 3)),
    "Q has other signs": ("qr", 0, True, _other_signs),
    "R has other signs": ("qr", 1, True, _other_signs),
    "R is not triangular": ("qr", 1, True, _below),
    "R has other lengths": ("qr", 1, True, _scaled(1, 3)),
    "Q and R do not belong together": ("qr", 0, False, _scaled(1, 8)),
    "U is not orthonormal": ("svd", 0, True, _scaled(0, 3)),
    "U is in another order": ("svd", 0, True, _swapped),
    "V is in another order": ("svd", 2, True, _swapped),
    "U belongs to other values": ("svd", 0, True, _apart),
    "V belongs to other values": ("svd", 2, True, _apart),
    "S is in another order": ("svd", 1, True, _swapped),
    "S is negative": ("svd", 1, True, _negative),
    "S is off": ("svd", 1, True, _off),
    "U has a sign that V has not": ("svd", 0, False, _negated(0)),
    "V has a sign that U has not": ("svd", 2, False, _negated(2)),
    "S is judged by the product": ("svd", 1, False, _negated(0)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PLANTED)
def test_what_lacks_a_property_is_refused(name: str, dtype: str) -> None:
    op, number, alone, change = PLANTED[name]
    x = matrices((5, 3), dtype)
    parts = factors(op, x)
    change(parts)
    assert not judged(op, x, parts, number, alone).passed
    if not alone:
        assert judged(op, x, parts, number, alone=True).passed, "only the others show it"


def test_float16_is_computed_in_float32() -> None:
    """Factors of which every element is within an ulp of float16 are not near enough."""
    x = matrices((5, 3), "float16")
    q, r = factors("qr", x)
    off = np.nextafter(q, np.float16(2))
    assert judge("qr", [x], {"output": 0}, q, beside={1: r}).passed
    assert not judge("qr", [x], {"output": 0}, off, beside={1: r}).passed


def test_a_sign_that_rounding_hides_is_not_judged() -> None:
    """The last column of Q, rounded to three bits, has another product with A's than before."""
    bits = np.array([0xCC, 0x3A, 0x35, 0x4D, 0x2A, 0xBB, 0xD4, 0x49, 0xC1], np.uint8)
    x = FORMATS["float8_e5m2fnuz"].from_bits(bits).reshape(3, 3)
    q, r = factors("qr", x)
    last = q.astype(np.float64)[:, 2] @ x.astype(np.float64)[:, 2]
    assert last * float(r[2, 2]) < 0, "the example shows what it is for"
    assert judge("qr", [x], {"output": 0}, q, beside={1: r}).passed
    assert judge("qr", [x], {"output": 1}, r, beside={0: q}).passed


def test_a_matrix_with_a_nan_has_factors_of_nan() -> None:
    x = matrices((3, 3), "float32")
    x[1, 2, 2] = np.inf
    q, _ = factors("qr", x)
    assert judge("qr", [x], {"output": 0}, q).passed
    q[1, 0, 0] = 0
    judged = judge("qr", [x], {"output": 0}, q)
    assert np.argwhere(~judged.ok).tolist() == [[1, 0, 0]]


def test_a_product_that_overflows_is_left_alone() -> None:
    x = np.full((2, 2), 3e38, np.float32)
    judged = judge("svd", [x], {"output": 1}, np.array([np.inf, 1], np.float32))
    assert judged.passed and judged.ulps is not None and np.isnan(judged.ulps).all()


def test_the_certificate_has_a_distance() -> None:
    x = matrices((5, 3), "float32")
    parts = factors("qr", x)
    _below(parts)
    certificate = judged("qr", x, parts, 1, alone=True).certificate((0, 2, 0))
    assert certificate.ulp == float("inf")
    assert "class backward" in certificate.text()
    assert "within 2 units" in certificate.text()


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (7, 7)])
def test_mpmath_and_lapack_find_the_same_values(shape: tuple[int, int]) -> None:
    x = matrices(shape, "float64")[0].astype(np.longdouble)
    proved, found = (singular_values(x, steps) for steps in ("float64", "float32"))
    assert np.all(np.abs(proved - found) <= 8 * np.finfo(np.float64).eps * found[0])
    assert (proved != found).any(), "mpmath has more digits"


def test_newton_and_schulz_find_the_orthogonal_factor() -> None:
    """With 3/2 and -1/2 the singular values go to 1 and the singular vectors stay."""
    x = matrices((4, 6), "float64")[0]
    got = numpy_ref.evaluate("newton_schulz", [x], {"steps": 40, "params": (1.5, -0.5)})
    u, _, v = np.linalg.svd(x, full_matrices=False)
    assert np.allclose(got, u @ v, rtol=0, atol=1e-14)
