"""Division by constants, as a product with the reciprocal and a shift.

Granlund, Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994, sections 4
and 5; Warren, "Hacker's Delight", 2nd edition, chapter 10. No factor is taken on trust: each is
found by the condition that makes it right for every dividend, in Python's integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from engine.decompose.integer_product import high_product
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet


@dataclass(frozen=True)
class Reciprocal:
    """floor(n / divisor) = floor(n * factor / 2**places) for 0 <= n <= limit.

    Because 2**places <= factor * divisor = 2**places + e, where e * limit < 2**places: so
    n * factor / 2**places is at least n / divisor and less than 1 / divisor above it, which is the
    least distance of n / divisor from the next integer. ValueError if that does not hold.
    """

    divisor: int
    limit: int
    factor: int
    places: int

    def __post_init__(self) -> None:
        excess = self.factor * self.divisor - (1 << self.places)
        if not 0 <= excess * self.limit < 1 << self.places:
            raise ValueError(
                f"{self.factor} / 2**{self.places} is no reciprocal of {self.divisor} "
                f"for dividends up to {self.limit}"
            )


def reciprocal(divisor: int, limit: int, least: int) -> Reciprocal:
    """That of a divisor > 0 with the fewest places, but no fewer than `least`.

    The excess is less than the divisor, so there is one once 2**places is `divisor` * `limit`.
    """
    places = least
    while (-(1 << places) % divisor) * limit >= 1 << places:
        places += 1
    return Reciprocal(divisor, limit, -(-(1 << places) // divisor), places)


def quotient(x: Node, divisor: int, limit: int) -> Node:
    """floor(x / divisor) for unsigned x, of any number of lanes, not above `limit`.

    A factor may need one bit more than a word has. Then an even divisor gives its powers of two to
    the dividend, which leaves room; for an odd one x * 2**width is added behind the product, as
    x + high = high + (x - high) / 2 * 2, whose halves do not overflow.
    """
    width, twos = x.dtype.bits, (divisor & -divisor).bit_length() - 1
    if divisor == 1 << twos:
        return x >> twos if twos else x
    found = reciprocal(divisor, limit, width)
    places = found.places - width
    if found.factor < 1 << width:
        return _shifted(high_product(x, x.constant(found.factor)), places)
    if twos:
        return quotient(x >> twos, divisor >> twos, limit >> twos)
    high = high_product(x, x.constant(found.factor - (1 << width)))
    return _shifted(high + (x - high >> 1), places - 1)


def _shifted(x: Node, places: int) -> Node:
    return x >> places if places else x


# -- truncating division ---------------------------------------------------------------------------
def _known_divisor(y: Node) -> int | None:
    """The value of a constant; None for what is not known, or 0."""
    bits = y.known_bits
    return None if not bits else int(y.dtype.scalar.decode(bits))


def _divided(x: Node, divisor: int) -> Node:
    """The quotient toward zero; for MIN and -1, which machine operations exclude, it is MIN."""
    unsigned = x.dtype.unsigned
    if not x.dtype.is_signed:
        return quotient(x, divisor, unsigned.scalar.max)
    sign = x >> (x.dtype.bits - 1)
    magnitude = negate_where(x, sign).bitcast(unsigned)
    whole = quotient(magnitude, abs(divisor), -x.dtype.scalar.min).bitcast(x.dtype)
    return negate_where(whole, sign if divisor > 0 else ~sign)


def negate_where(x: Node, ones: Node) -> Node:
    """-x where `ones` is -1, x where it is 0: (x ^ s) - s, Hacker's Delight, section 2-4"""
    return (x ^ ones) - ones


@dataclass(frozen=True)
class _Known:
    dtypes: frozenset[DType]

    def quotient(self, node: Node) -> Node | None:
        x, y = node.src
        divisor = _known_divisor(y)
        if divisor is None or x.dtype.scalar not in self.dtypes:
            return None
        return _divided(x, divisor)

    def remainder(self, node: Node) -> Node | None:
        x, y = node.src
        whole = self.quotient(node)
        return None if whole is None else x - whole * y


@cache
def by_reciprocals(dtypes: frozenset[DType]) -> RuleSet:
    """Quotients and remainders of these dtypes whose divisor is known and not 0."""
    known = _Known(dtypes)
    return RuleSet([
        Expansion("quotient by reciprocal", (Op.IDIV,), known.quotient),
        Expansion("remainder by reciprocal", (Op.IREM,), known.remainder),
    ])
