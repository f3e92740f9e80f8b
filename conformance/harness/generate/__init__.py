"""Random programs: what they are made of, and the values that they are given."""

from conformance.harness.generate.growing import Chooser, RandomChooser
from conformance.harness.generate.programs import (
    LENGTH,
    Draw,
    case_seed,
    draw,
    program,
    random_case,
    random_draw,
)

__all__ = [
    "LENGTH", "Chooser", "Draw", "RandomChooser", "case_seed", "draw", "program", "random_case",
    "random_draw",
]  # fmt: skip
