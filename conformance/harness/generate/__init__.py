"""Random programs: what they are made of, and the values that they are given."""

from conformance.harness.generate.choosing import Chooser, RandomChooser
from conformance.harness.generate.course import numbered_draw
from conformance.harness.generate.programs import (
    LENGTH,
    MAX_LENGTH,
    Draw,
    case_seed,
    draw,
    program,
    random_case,
    random_draw,
)

__all__ = [
    "LENGTH", "MAX_LENGTH", "Chooser", "Draw", "RandomChooser", "case_seed", "draw",
    "numbered_draw", "program", "random_case", "random_draw",
]  # fmt: skip
