"""What draw number n of a seed is: a program about the row whose turn it is, or one of many rows.

Campaigns and the selfscore take their draws from here, so that what one finds the other does too.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache

from conformance.harness.generate.choosing import RandomChooser, Weighted
from conformance.harness.generate.programs import (
    NO_STEERING,
    Draw,
    case_seed,
    focused,
    random_draw,
)
from conformance.harness.generate.recipes import RECIPES

# One draw in so many is of many rows: first, until each row had its turn, and from then on.
FIRST_MIXED, LATER_MIXED = 8, 2
FIRST_ROUNDS = -(-len(RECIPES) // (FIRST_MIXED - 1))


def numbered_draw(
    seed: int,
    number: int,
    length: int | None,
    vectors: int,
    steering: Mapping[str, float] = NO_STEERING,
) -> Draw:
    """Draw `number`, which can be made without those before it.

    Most of the first ones are about one row, and then every other, unless all programs shall have
    one `length`.
    """
    rng, turn = case_seed(seed, number), turn_of(number)
    if turn is None or length is not None:
        return random_draw(rng, length, vectors, steering)
    return focused(RandomChooser(rng), row_of(seed, turn, steering), vectors, steering)


def turn_of(number: int) -> int | None:
    """How many draws about one row come before draw `number`; None where it is of many rows."""
    first, before = FIRST_MIXED, 0
    if number >= FIRST_ROUNDS * FIRST_MIXED:
        number -= FIRST_ROUNDS * FIRST_MIXED
        first, before = LATER_MIXED, FIRST_ROUNDS * (FIRST_MIXED - 1)
    rounds, place = divmod(number, first)
    return None if place == first - 1 else before + rounds * (first - 1) + place


def row_of(seed: int, turn: int, steering: Mapping[str, float] = NO_STEERING) -> str:
    """The row whose turn it is: each once, before `steering` says which come again."""
    lap, place = divmod(turn, len(RECIPES))
    if lap == 0 or not steering:
        return _order(seed, lap)[place]
    weights = {name: steering.get(name, 1.0) for name in RECIPES}
    return Weighted(weights).choose(RandomChooser(random.Random(f"{seed}/row {turn}")))


@lru_cache(maxsize=4)
def _order(seed: int, lap: int) -> tuple[str, ...]:
    names = list(RECIPES)
    random.Random(f"{seed}/lap {lap}").shuffle(names)
    return tuple(names)
