"""Which tests judge which part of the engine: the narrowest first, since the first failure ends it.

A part that no row covers is a failure of the tests of this package: whoever adds a rule or a
decomposition says here who would notice if it were wrong.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

DECOMP = "conformance/decomp/test_"
ENGINE = "tests/engine/test_"

# Files, or folders for all files below them that have no row of their own.
JUDGES: dict[str, tuple[str, ...]] = {
    "engine/simplify/values.py": (f"{DECOMP}rules.py",),
    "engine/simplify/index.py": (f"{ENGINE}index.py", f"{ENGINE}regressions.py"),
    "engine/rewrite.py": (f"{ENGINE}rewrite.py",),
    "engine/canonical.py": (f"{ENGINE}canonical.py",),
    "engine/folds.py": (f"{ENGINE}folds.py", f"{ENGINE}order.py", f"{ENGINE}sequential.py"),
    "engine/narrow.py": (f"{ENGINE}narrow.py", f"{ENGINE}wide.py"),
    "engine/expand.py": (
        f"{ENGINE}expand.py", f"{ENGINE}guards.py", f"{ENGINE}optimize.py", f"{ENGINE}order.py",
    ),
    "engine/decompose/arithmetic.py": (f"{DECOMP}expansions.py", f"{DECOMP}integer_division.py"),
    "engine/decompose/integer_power.py": (f"{DECOMP}expansions.py", f"{ENGINE}power.py"),
    "engine/decompose/integer_product.py": (f"{DECOMP}reciprocals.py", f"{DECOMP}expansions.py"),
    "engine/decompose/narrow_float.py": ("conformance/dtypes/test_narrow_floats.py",),
    "engine/decompose/storage.py": (
        f"{ENGINE}small.py", f"{DECOMP}expansions.py", f"{DECOMP}emulated_floats.py",
    ),
    "engine/decompose/floats.py": (
        "tests/engine/decompose/test_floats.py", f"{DECOMP}emulated_floats.py",
    ),
    "engine/decompose/functions": (
        f"{ENGINE}functions.py", f"{ENGINE}power.py", f"{ENGINE}remainder.py",
        f"{ENGINE}trigonometric.py",
    ),
    "engine/decompose/operations/reciprocals.py": (f"{DECOMP}reciprocals.py",),
    "engine/decompose/operations": (
        f"{DECOMP}expansions.py", f"{DECOMP}reciprocals.py",
    ),
    "engine/decompose/small": (f"{ENGINE}small.py", f"{DECOMP}expansions.py"),
    "engine/decompose/softfloat": (
        "tests/engine/decompose/test_softfloat.py", f"{DECOMP}emulated_floats.py",
    ),
    "engine/decompose/wide/converts.py": (
        f"{ENGINE}wide.py", f"{DECOMP}expansions.py", f"{DECOMP}wide_integers.py",
    ),
    "engine/decompose/wide": (f"{ENGINE}wide.py", f"{DECOMP}expansions.py"),
}  # fmt: skip


def modules() -> list[str]:
    """Every file that has judges and says more than what it exports."""
    found = []
    for row in JUDGES:
        path = ROOT / row
        files = [path] if path.suffix else sorted(path.rglob("*.py"))
        found += [file.relative_to(ROOT).as_posix() for file in files]
    return sorted({name for name in found if not name.endswith("__init__.py")})


def judges(module: str) -> tuple[str, ...]:
    """The tests of a file: those of its own row, or of the nearest folder that has one.

    KeyError if there are none.
    """
    for row in (module, *(parent.as_posix() for parent in Path(module).parents)):
        if row in JUDGES:
            return JUDGES[row]
    raise KeyError(f"{module}: no row in JUDGES says which tests judge it")
