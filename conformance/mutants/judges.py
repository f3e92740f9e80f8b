"""Which tests judge which part of the engine: the narrowest first, since the first failure ends it.

A part that no row covers is a failure of the tests of this package: whoever adds a rule or a
decomposition says here who would notice if it were wrong.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

DECOMP = "conformance/decomp/test_"
ENGINE = "tests/engine/test_"
EXPANSIONS = f"{DECOMP}expansions.py::test_"
MISSING = f"{DECOMP}missing_operations.py::test_"
SOFTFLOAT = "tests/engine/decompose/test_softfloat"
NARROW = "conformance/dtypes/test_narrow_floats.py::test_"

# Files, or folders for all files below them that have no row of their own. Where a file of tests is
# about more than the code in question, single ones are named.
JUDGES: dict[str, tuple[str, ...]] = {
    "engine/simplify/values.py": (f"{DECOMP}rules.py",),
    "engine/simplify/constants.py": (f"{ENGINE}constants.py",),
    "engine/simplify/index.py": (
        f"{ENGINE}index.py", f"{ENGINE}guards.py::test_remainders_of_remainders_need_a_divisor",
        f"{ENGINE}regressions.py",
    ),
    "engine/rewrite.py": (f"{ENGINE}rewrite.py",),
    "engine/canonical.py": (f"{ENGINE}canonical.py",),
    "engine/export": (f"{ENGINE}export.py", "tests/conformance/test_webpage.py"),
    "engine/barriers.py": (f"{ENGINE}barriers.py",),
    "engine/folds.py": (f"{ENGINE}folds.py", f"{ENGINE}order.py", f"{ENGINE}sequential.py"),
    "engine/optimize.py": (
        f"{ENGINE}optimize.py", f"{ENGINE}guards.py", f"{ENGINE}panels.py",
        f"{ENGINE}contractions.py",
    ),
    "engine/narrow.py": (f"{ENGINE}narrow.py", f"{ENGINE}wide.py"),
    "engine/expand.py": (
        f"{ENGINE}expand.py", f"{ENGINE}guards.py", f"{ENGINE}optimize.py", f"{ENGINE}order.py",
    ),
    "engine/decompose/arithmetic.py": (f"{DECOMP}expansions.py", f"{DECOMP}integer_division.py"),
    "engine/decompose/integer_power.py": (
        f"{EXPANSIONS}every_expansion_keeps_every_bit[power]", f"{EXPANSIONS}known_operands[power]",
    ),
    "engine/decompose/integer_product.py": (f"{DECOMP}reciprocals.py", f"{DECOMP}expansions.py"),
    "engine/decompose/narrow_float.py": (
        f"{NARROW}wide_floats_are_rounded_once", f"{NARROW}every_value_is_cast",
        f"{NARROW}signs_are_moved_as_bits", f"{NARROW}all_pairs_of_float8_compare",
        *(f"{NARROW}integers_are_rounded_once[{source}-{name}]"
          for source in ("int32", "uint32", "int64", "uint64") for name in ("bfloat16", "float16")),
        f"{NARROW}a_round_trip_is_not_the_identity", f"{NARROW}sums_are_kept_in_float32",
        f"{NARROW}extremes_of_rows",
        f"{ENGINE}order.py::test_doubles", f"{NARROW}all_pairs_of_float8",
        f"{NARROW}hard_operands_on_poorer_devices",
    ),
    "engine/decompose/storage.py": (
        f"{EXPANSIONS}every_expansion_keeps_every_bit[bool memory]",
        f"{NARROW}signs_are_moved_as_bits", f"{NARROW}questions_about_every_value",
        f"{NARROW}extremes_of_rows", f"{DECOMP}emulated_floats.py",
    ),
    "engine/decompose/floats.py": (
        "tests/engine/decompose/test_floats.py", f"{DECOMP}emulated_floats.py",
    ),
    "engine/decompose/functions": (
        f"{ENGINE}functions.py", f"{ENGINE}power.py", f"{ENGINE}remainder.py",
        f"{ENGINE}trigonometric.py",
    ),
    "engine/decompose/operations/reciprocals.py": (f"{DECOMP}reciprocals.py",),
    "engine/decompose/operations/shifts.py": (
        *(f"{EXPANSIONS}{name}[shift by {way}]"
          for name in ("every_expansion_keeps_every_bit", "known_operands")
          for way in ("dividing", "comparing")),
        f"{EXPANSIONS}only_what_a_device_lacks_is_made_of_others",
        f"{MISSING}operations[no_div,no_shift-int32]",
    ),
    "engine/decompose/operations/selects.py": (
        f"{EXPANSIONS}every_expansion_keeps_every_bit[select]",
        f"{EXPANSIONS}every_expansion_keeps_every_bit[complement]",
        f"{MISSING}selects_move_bits[bool]",
    ),
    "engine/decompose/operations/division.py": (
        f"{EXPANSIONS}division_by_shifting",
        f"{EXPANSIONS}the_loop_of_a_division_has_a_path_of_its_own",
    ),
    "engine/decompose/operations/without.py": (
        f"{EXPANSIONS}only_what_a_device_lacks_is_made_of_others",
        f"{MISSING}operations[no_div-int32]", f"{MISSING}operations[no_shift-int32]",
        f"{MISSING}operations[no_div,no_shift-int32]", f"{MISSING}selects_move_bits[int32]",
    ),
    "engine/decompose/small": (f"{ENGINE}small.py", f"{DECOMP}expansions.py"),
    "engine/decompose/softfloat": (f"{SOFTFLOAT}.py",),
    "engine/decompose/softfloat/arithmetic.py": (
        f"{SOFTFLOAT}.py::test_arithmetic", f"{SOFTFLOAT}.py::test_knife_edges",
        f"{SOFTFLOAT}.py::test_a_product_is_a_tie_unless_a_lower_bit_is_set",
    ),
    "engine/decompose/softfloat/compare.py": (f"{SOFTFLOAT}.py::test_comparisons",),
    "engine/decompose/softfloat/conversions.py": (
        f"{SOFTFLOAT}.py::test_to_integers", f"{SOFTFLOAT}.py::test_from_integers",
        f"{SOFTFLOAT}.py::test_between_floats",
    ),
    "engine/decompose/softfloat/fused.py": (
        f"{SOFTFLOAT}.py::test_cancellation_leaves_the_last_bits_of_a_product",
        f"{SOFTFLOAT}.py::test_fused_products",
    ),
    "engine/decompose/softfloat/recurrence.py": (
        *(f"{SOFTFLOAT}.py::test_arithmetic[div-{row}]" for row in ("float32", "float64")),
        *(f"{SOFTFLOAT}.py::test_knife_edges[div-{row}]" for row in ("float32", "float64")),
        f"{SOFTFLOAT}.py::test_square_roots",
        f"{SOFTFLOAT}.py::test_square_roots_of_squares_and_their_neighbours",
    ),
    "engine/decompose/wide/converts.py": (
        f"{ENGINE}wide.py", f"{EXPANSIONS}wide_integers_are_converted_to_everything_and_back",
        *(f"{DECOMP}wide_integers.py::test_casts_{way}[{other}-{wide}]"
          for way in ("from", "to") for wide in ("int64", "uint64")
          for other in ("float16", "float32", "float64")),
    ),
    "engine/decompose/wide": (
        "tests/engine/decompose/test_floats.py::test_subroutines_take_and_give_two_words",
        f"{ENGINE}wide.py", f"{EXPANSIONS}wide_integers_keep_every_bit",
        f"{EXPANSIONS}wide_integers_with_known_operands_keep_every_bit",
        f"{EXPANSIONS}wide_integers_are_converted_to_everything_and_back",
        *(f"{DECOMP}wide_integers.py::test_programs_keep_their_bits[{op}]"
          for op in ("sort", "matmul", "pow", "sum")),
    ),
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
