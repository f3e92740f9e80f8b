"""Every decomposition of an operation of numbers and bits: the same bits before and after.

The tables of rules are read, so that a rule without a row here is a failure. What is judged is the
interpreter's meaning of the operation, on all pairs of bytes, on edges and on random bits.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from conformance.decomp.kernels import (
    BOOL,
    FLOATS,
    INTS,
    Application,
    applications,
    executed,
    kernel,
    operands,
    same_bits,
)
from engine import decompose, dtypes, simplify
from engine.arrays import NUMPY
from engine.decompose.arithmetic import EXPANSIONS
from engine.decompose.integer_power import integer_power
from engine.decompose.operations import without_missing
from engine.decompose.operations.division import divide_by_shifting
from engine.decompose.operations.reciprocals import by_reciprocals
from engine.decompose.operations.selects import COMPLEMENTS, SELECTS
from engine.decompose.operations.shifts import COMPARING, DIVIDING
from engine.decompose.small import pack, widen_small
from engine.decompose.storage import BOOL_RULES
from engine.decompose.wide import WIDE_STORAGE, split_wide
from engine.dtypes import DType
from engine.graph import TESTS, Node, axis_range, order_of
from engine.loops import loops_of, replace_ranges
from engine.narrow import narrow_index
from engine.ops import Axis, Op, Operation
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.simplify.values import MACHINE_RULES, VALUE_RULES
from engine.target import HOST_DTYPES, HOST_OPS, Target

WIDE_FLOATS = (dtypes.float32, dtypes.float64)
NUMBERS = (*INTS, *WIDE_FLOATS)
EVERYTHING = (*BOOL, *INTS, *FLOATS)
POWERS = RuleSet([Expansion("integer power", (Op.POW,), integer_power)])

# What each rule is for: operations, and the dtypes of their operands; all others it leaves alone.
ROWS: dict[str, tuple[Sequence[Operation], Sequence[DType]]] = {
    "floor division": ((Op.FLOORDIV,), INTS),
    "floor remainder": ((Op.FLOORMOD,), INTS),
    "remainder": ((Op.FMOD,), INTS),
    "guarded shift": ((Op.LSHIFT, Op.RSHIFT), INTS),
    "negation": ((Op.NEG,), NUMBERS),
    "absolute value": ((Op.ABS,), NUMBERS),
    "canonical NaN": ((Op.CANON,), WIDE_FLOATS),
    "maximum and minimum": ((Op.MAXIMUM, Op.MINIMUM), (*BOOL, *NUMBERS)),
    "compare bools": ((Op.LT, Op.EQ, Op.NE), BOOL),
    "cast": ((Op.CAST,), (*BOOL, *NUMBERS)),
    "bitcast of bool": ((Op.BITCAST,), (*BOOL, dtypes.uint8, dtypes.int8)),
    "integer power": ((Op.POW,), INTS),
    "select by masks": ((Op.WHERE,), EVERYTHING),
    "complement by xor": ((Op.NOT,), (*BOOL, *INTS)),
    "left shift as product": ((Op.SHL,), INTS),
    "right shift as quotient": ((Op.SHR,), INTS),
    "right shift bit by bit": ((Op.SHR,), INTS),
    "load bool as byte": ((Op.LOAD,), BOOL),
    "write bool as byte": ((Op.WRITE,), BOOL),
}
SETS = {
    "meaning": EXPANSIONS, "power": POWERS, "select": SELECTS, "complement": COMPLEMENTS,
    "shift by dividing": DIVIDING, "shift by comparing": COMPARING, "bool memory": BOOL_RULES,
}  # fmt: skip
MEMORY = frozenset({Op.LOAD, Op.WRITE})


@dataclass(frozen=True)
class Theorem:
    """One rule of a set, on one application of an operation."""

    family: str
    rule: Expansion
    row: Application

    def __str__(self) -> str:
        return f"{self.family}: {self.rule.name}: {self.row}"


def theorems(family: str) -> Iterator[Theorem]:
    for rule in SETS[family].rules:
        assert isinstance(rule, Expansion)
        for op in rule.ops:
            shown = Op.NOT if op in MEMORY else op
            for row in applications(shown, ROWS[rule.name][1]):
                if _is_expected(rule, row):
                    yield Theorem(family, rule, row)


def _is_expected(rule: Expansion, row: Application) -> bool:
    """A bitcast that neither takes nor makes a bool stays."""
    kinds = (row.operands[0].kind, row.result.kind)
    return rule.name != "bitcast of bool" or kinds.count("bool") == 1


@pytest.mark.parametrize("family", SETS)
def test_every_expansion_keeps_every_bit(family: str) -> None:
    for theorem in theorems(family):
        assert same_bits(theorem.row, partial(rewrite, rules=SETS[family])), str(theorem)


@pytest.mark.parametrize("family", SETS)
def test_every_expansion_fires_on_the_dtypes_of_its_row(family: str) -> None:
    fired: dict[str, set[DType]] = {rule.name: set() for rule in SETS[family].rules}
    for theorem in theorems(family):
        for node in order_of(kernel(theorem.row, 4)):
            if node.op in theorem.rule.ops and theorem.rule.apply(node) is not None:
                fired[theorem.rule.name].add(theorem.row.operands[-1])
    for name, found in fired.items():
        assert found >= set(ROWS[name][1]), f"{name} fires for {found}"


def test_every_rule_has_a_row_that_names_its_operations() -> None:
    found = {rule.name: rule for rules in SETS.values() for rule in rules.rules}
    assert found.keys() == ROWS.keys()
    for name, rule in found.items():
        assert isinstance(rule, Expansion)
        assert rule.ops == ROWS[name][0]


# The last ones: below, and in `test_rules`.
JUDGED = [*SETS.values(), WIDE_STORAGE, VALUE_RULES, MACHINE_RULES]


def test_every_set_of_rules_is_judged() -> None:
    """Those that modules of the engine name; who adds one enters it here."""
    modules = [
        importlib.import_module(found.name)
        for package in (decompose, simplify)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    sets = {
        f"{module.__name__}.{name}": value
        for module in modules for name, value in vars(module).items() if isinstance(value, RuleSet)
    }
    assert len(sets) >= 8
    assert not [name for name, value in sets.items() if value not in JUDGED]


# -- operands that are known -----------------------------------------------------------------------
def counts(dtype: DType) -> range:
    return range(dtype.bits)


def exponents(dtype: DType) -> Sequence[int]:
    return [*range(9), 15, 16, dtype.max, *([-1, -2, dtype.min] if dtype.is_signed else [])]


KNOWN: dict[str, tuple[Sequence[Operation], Callable[[DType], Sequence[int]]]] = {
    "meaning": ((Op.LSHIFT, Op.RSHIFT), counts),
    "power": ((Op.POW,), exponents),
    "shift by dividing": ((Op.SHL, Op.SHR), counts),
    "shift by comparing": ((Op.SHL, Op.SHR), counts),
}


@pytest.mark.parametrize("family", KNOWN)
def test_known_operands(family: str) -> None:
    ops, values = KNOWN[family]
    for op in ops:
        for dtype in INTS:
            for known in values(dtype):
                row = Application(op, (dtype, dtype), dtype, known)
                assert same_bits(row, partial(rewrite, rules=SETS[family])), str(row)


# -- 64-bit integers as words ----------------------------------------------------------------------
WIDE = (dtypes.int64, dtypes.uint64)
WIDE_OPS = (
    Op.ADD, Op.SUB, Op.MUL, Op.IDIV, Op.IREM, Op.SHL, Op.SHR, Op.AND, Op.OR, Op.XOR, Op.NOT,
    Op.LT, Op.EQ, Op.NE, Op.WHERE, Op.BITCAST, Op.OPAQUE,
)  # fmt: skip
NARROW = tuple(d for d in (*BOOL, *INTS, *FLOATS) if d not in WIDE)


def in_words(sink: Node) -> Node:
    made = split_wide(narrow_index(rewrite(sink, WIDE_STORAGE), True))
    assert not [n for n in order_of(made) if n.dtype.scalar in WIDE]
    return made


def test_wide_integers_keep_every_bit() -> None:
    for op in WIDE_OPS:
        for row in applications(op, WIDE):
            if row.result in (*WIDE, dtypes.bool_):
                assert same_bits(row, in_words), str(row)


def test_wide_integers_with_known_operands_keep_every_bit() -> None:
    for dtype, op in itertools.product(WIDE, (Op.SHL, Op.SHR)):
        for known in range(64):
            assert same_bits(Application(op, (dtype, dtype), dtype, known), in_words), (op, known)


def test_wide_integers_are_converted_to_everything_and_back() -> None:
    for wide, other in itertools.product(WIDE, (*NARROW, *WIDE)):
        there = Application(Op.CONVERT, (wide,), other)
        if other.kind != "bool":  # which is a test
            assert same_bits(there, in_words), str(there)
        assert same_bits(Application(Op.CONVERT, (other,), wide), in_words), (other, wide)


# -- small integers as words -----------------------------------------------------------------------
SMALL = (dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16)
LARGE = Target("WORDS", arithmetic=HOST_DTYPES - {*SMALL}, storage=HOST_DTYPES - {*SMALL, *BOOL})


def packed(sink: Node) -> list[Node]:
    made = [
        widen_small(narrow_index(part, True), LARGE)
        for part in pack(rewrite(sink, BOOL_RULES), LARGE)
    ]
    assert not [n for part in made for n in order_of(part) if n.dtype.scalar in SMALL]
    return made


def test_small_integers_keep_every_bit() -> None:
    for op in WIDE_OPS:
        for row in applications(op, SMALL):
            if row.result in SMALL or op in TESTS:
                assert same_bits(row, packed), str(row)


def test_small_integers_are_converted_to_everything_and_back() -> None:
    others = tuple(d for d in (*BOOL, *INTS, *FLOATS) if d is not dtypes.float16)
    for small, other in itertools.product(SMALL, others):
        if other.kind != "bool":
            there = Application(Op.CONVERT, (small,), other)
            assert same_bits(there, packed), str(there)
        assert same_bits(Application(Op.CONVERT, (other,), small), packed), (other, small)


# -- division where there is none ------------------------------------------------------------------
@pytest.mark.parametrize("dtype", INTS, ids=str)
@pytest.mark.parametrize("op", [Op.IDIV, Op.IREM], ids=str)
def test_division_by_shifting(op: Operation, dtype: DType) -> None:
    (row,) = applications(op, [dtype])
    assert same_bits(row, without_division)


def without_division(sink: Node) -> Node:
    made = divide_by_shifting(rewrite(sink, by_reciprocals(frozenset(INTS))))
    assert not [n for n in order_of(made) if n.op in (Op.IDIV, Op.IREM)]
    return made


def test_the_loop_of_a_division_has_a_path_of_its_own() -> None:
    (row,) = applications(Op.IDIV, [dtypes.int32])
    (loop,) = loops_of(sink := kernel(row, 4))
    for path in ((0,), (0, 0), (1, 0)):
        moved = replace_ranges(sink, {loop: axis_range(4, path, Axis.LOOP)})
        ranges = [n for n in order_of(without_division(moved)) if n.op is Op.RANGE]
        assert len(ranges) == len({n.arg[0] for n in ranges}) == 2


@pytest.mark.parametrize("op", [Op.IDIV, Op.IREM, Op.SHL, Op.SHR, Op.WHERE, Op.NOT], ids=str)
def test_only_what_a_device_lacks_is_made_of_others(op: Operation) -> None:
    (row,) = applications(op, [dtypes.int32])
    sink = kernel(row, 4)
    lacks = {Op.IDIV, Op.IREM} if op in (Op.IDIV, Op.IREM) else {op}
    assert without_missing(sink, Target("HOST")) is sink
    made = order_of(without_missing(sink, Target("LACKING", ops=HOST_OPS - lacks)))
    assert not any(n.op in lacks for n in made)


# -- planted faults --------------------------------------------------------------------------------
def test_a_wrong_expansion_is_noticed() -> None:
    """Without the guard of a count that is too large, and with a sign that is not copied."""
    unguarded = RuleSet([
        Expansion("guarded shift", (Op.RSHIFT,), lambda n: n.src[0] >> (n.src[1] & 7)),
    ])
    logical = RuleSet([
        Expansion("shift", (Op.SHR,), lambda n: (
            n.src[0].bitcast(n.dtype.unsigned) >> n.src[1].bitcast(n.dtype.unsigned)
        ).bitcast(n.dtype)),
    ])
    for op, rules in ((Op.RSHIFT, unguarded), (Op.SHR, logical)):
        (row,) = applications(op, [dtypes.int8])
        assert not same_bits(row, partial(rewrite, rules=rules))


def test_the_operands_hold_all_pairs_of_bytes() -> None:
    for op in (Op.ADD, Op.SHL, Op.WHERE):
        (row,) = applications(op, [dtypes.int8])
        *_, x, y = operands(row)
        pairs = set(zip(x.tolist(), y.tolist()))
        assert len(pairs) == (256 * 8 if op is Op.SHL else 256 * 256)
    (row,) = applications(Op.IDIV, [dtypes.int8])
    x, y = operands(row)
    assert len(set(zip(x.tolist(), y.tolist()))) == 256 * 255 - 1
    sum_of = executed([kernel(row, len(x))], [x, y], dtypes.int8)
    due = np.trunc(x.astype("float64") / y).astype(NUMPY[dtypes.int8])
    assert sum_of == due.tobytes()
