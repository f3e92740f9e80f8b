"""The catalog: one row per operator that a user can call.

Suites are generated from these rows, so a fact about an operator belongs here and nowhere else.
Row names are the names of the Tensor methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from oracles.formats import FORMATS
from oracles.promotion import RULES, promote

BOOL = ("bool",)
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("float16", "float32", "float64")
NUMBERS = INTEGERS + FLOATS
ALL = BOOL + NUMBERS


class Exactness(Enum):
    """The four ways in which a result is judged."""

    BITS = "bits"
    ROUNDED = "rounded"
    FAITHFUL = "faithful"
    ORDERED = "ordered"


@dataclass(frozen=True)
class Order:
    """An order of accumulation: `lanes` running sums of `rows` elements in each block."""

    lanes: int
    rows: int


@dataclass(frozen=True)
class OpRow:
    """One operator.

    `dtypes[k]` are the names allowed for operand k.  Operands listed in `common` are promoted
    to one dtype first, and it is the promoted name that must be allowed.  `result` names a rule
    of `promotion.RULES`.  `exactness` is that of float results; see `exactness_for`.
    `computing` rows give canonical NaNs, the others keep the bits that they move.
    """

    name: str
    family: str
    operands: int
    exactness: Exactness
    result: str
    dtypes: tuple[tuple[str, ...], ...]
    formula: str
    attributes: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    special: tuple[str, ...] = ()
    references: tuple[str, ...] = ("numpy",)
    bound_ulp: Mapping[str, float] = field(default_factory=dict)
    common: tuple[int, ...] = ()
    computing: bool = True
    order: Order | None = None

    def exactness_for(
        self, dtypes: Sequence[str], attributes: Mapping[str, Any] | None = None
    ) -> Exactness:
        """The class for operands of `dtypes`; results in integers are judged by bits.

        Casts alone stay in their class whatever the dtype: exact arithmetic judges them all.
        """
        if self.name == "cast" or self.exactness in (Exactness.BITS, Exactness.FAITHFUL):
            return self.exactness
        result = RULES[self.result](dtypes, attributes or {})
        return self.exactness if FORMATS[result].is_float else Exactness.BITS

    def check(self, dtypes: Sequence[str]) -> None:
        """Raise TypeError unless the row accepts operands of these dtypes."""
        if len(dtypes) != self.operands:
            raise TypeError(f"{self.name} takes {self.operands} operands, not {len(dtypes)}")
        names = list(dtypes)
        if self.common:
            shared = promote(*(dtypes[k] for k in self.common))
            for k in self.common:
                names[k] = shared
        for k, name in enumerate(names):
            if name not in self.dtypes[k]:
                raise TypeError(f"{self.name} is not defined for {name} (operand {k})")

    def accepts(self, dtypes: Sequence[str]) -> bool:
        """True when `check` would pass."""
        try:
            self.check(dtypes)
        except TypeError:
            return False
        return True


ZEROS = "maximum and minimum order -0 < +0"
NANS = "a NaN operand gives the canonical NaN"
BY_ZERO = "x // 0 = x % 0 = 0"
MIN_BY_MINUS_ONE = "MIN // -1 = MIN, MIN % -1 = 0"
WRAP = "integers wrap modulo 2**n"

_BOTH = (0, 1)
_JUDGES = ("numpy", "torch")
_EXACT = ("numpy", "torch", "exact")
_FUNCTION_BOUNDS = {"float16": 0.501, "float32": 1.0, "float64": 1.0}
SEQUENTIAL_LANES = Order(32, 32)
SEQUENTIAL = Order(1, 256)


def _arithmetic(name: str, allowed: tuple[str, ...], formula: str, *special: str) -> OpRow:
    return OpRow(
        name,
        "elementwise",
        2,
        Exactness.ROUNDED,
        "common",
        (allowed, allowed),
        formula,
        special=(NANS, WRAP, *special),
        references=_EXACT,
        common=_BOTH,
    )


def _binary(name: str, family: str, allowed: tuple[str, ...], formula: str, *special: str) -> OpRow:
    return OpRow(
        name,
        family,
        2,
        Exactness.BITS,
        "common",
        (allowed, allowed),
        formula,
        special=special,
        references=_JUDGES,
        common=_BOTH,
    )


def _unary(name: str, family: str, allowed: tuple[str, ...], formula: str, *special: str) -> OpRow:
    return OpRow(
        name,
        family,
        1,
        Exactness.BITS,
        "first",
        (allowed,),
        formula,
        special=special,
        references=_JUDGES,
        computing=False,
    )


def _function(name: str, formula: str, *special: str) -> OpRow:
    return OpRow(
        name,
        "elementwise",
        1,
        Exactness.FAITHFUL,
        "to_float",
        (ALL,),
        formula,
        special=(NANS, *special),
        references=("numpy", "torch", "mpmath"),
        bound_ulp=_FUNCTION_BOUNDS,
    )


def _compare(name: str, formula: str) -> OpRow:
    return OpRow(
        name,
        "compare",
        2,
        Exactness.BITS,
        "truth",
        (ALL, ALL),
        formula,
        special=(
            "-0 == +0",
            "NaN compares false, and != true",
            "different integer dtypes compare exactly",
        ),
        references=_JUDGES,
    )


def _movement(name: str, attributes: tuple[str, ...], formula: str) -> OpRow:
    return OpRow(
        name,
        "movement",
        1,
        Exactness.BITS,
        "first",
        (ALL,),
        formula,
        attributes=attributes,
        references=_JUDGES,
        computing=False,
        special=("bits are kept, NaN payloads too",),
    )


def _sum(name: str, formula: str, *special: str) -> OpRow:
    return OpRow(
        name,
        "reduce",
        1,
        Exactness.ORDERED,
        "accumulated",
        (ALL,),
        formula,
        attributes=("axis", "keepdim", "dtype"),
        defaults={"axis": None, "keepdim": False, "dtype": None},
        special=(NANS, WRAP, *special),
        references=("numpy", "torch", "exact"),
        order=SEQUENTIAL_LANES,
    )


def _extreme(name: str, formula: str) -> OpRow:
    return OpRow(
        name,
        "reduce",
        1,
        Exactness.BITS,
        "first",
        (ALL,),
        formula,
        attributes=("axis", "keepdim"),
        defaults={"axis": None, "keepdim": False},
        special=(NANS, ZEROS, "an empty reduced axis raises"),
        references=_JUDGES,
    )


_ROWS = (
    _arithmetic("add", ALL, "x + y, rounded once", "bool: or"),
    _arithmetic("sub", NUMBERS, "x - y, rounded once", "bool raises"),
    _arithmetic("mul", ALL, "x * y, rounded once", "bool: and"),
    OpRow(
        "div",
        "elementwise",
        2,
        Exactness.ROUNDED,
        "to_float",
        (ALL, ALL),
        "x / y, rounded once; integers convert to the default float first",
        special=(NANS, "x / 0 = signed inf", "0 / 0 = inf / inf = NaN"),
        references=_EXACT,
        common=_BOTH,
    ),
    _binary("floordiv", "elementwise", INTEGERS, "floor(x / y)", BY_ZERO, MIN_BY_MINUS_ONE),
    _binary("mod", "elementwise", INTEGERS, "x - floor(x / y) * y", BY_ZERO, MIN_BY_MINUS_ONE),
    _unary("neg", "elementwise", NUMBERS, "-x", "the sign bit flips, of NaN too", "-MIN = MIN"),
    _unary("abs", "elementwise", NUMBERS, "|x|", "the sign bit clears, of NaN too", "|MIN| = MIN"),
    _binary("maximum", "elementwise", ALL, "IEEE 754-2019 maximum", NANS, ZEROS),
    _binary("minimum", "elementwise", ALL, "IEEE 754-2019 minimum", NANS, ZEROS),
    OpRow(
        "sqrt",
        "elementwise",
        1,
        Exactness.ROUNDED,
        "to_float",
        (ALL,),
        "square root, rounded once; integers convert to the default float first",
        special=(NANS, "sqrt(-0) = -0", "sqrt(x < 0) = NaN"),
        references=("numpy", "exact"),
    ),
    _function("exp2", "2 ** x", "exp2(-inf) = +0", "exp2(+inf) = +inf", "exp2(+-0) = 1"),
    _function(
        "log2",
        "log2(x)",
        "log2(+-0) = -inf",
        "log2(1) = +0",
        "log2(x < 0) = NaN",
        "log2(+inf) = +inf",
    ),
    _compare("eq", "x == y"),
    _compare("ne", "x != y"),
    _compare("lt", "x < y"),
    _compare("le", "x <= y"),
    _compare("gt", "x > y"),
    _compare("ge", "x >= y"),
    _binary("bitwise_and", "bitwise", BOOL + INTEGERS, "x & y"),
    _binary("bitwise_or", "bitwise", BOOL + INTEGERS, "x | y"),
    _binary("bitwise_xor", "bitwise", BOOL + INTEGERS, "x ^ y"),
    _unary("bitwise_not", "bitwise", BOOL + INTEGERS, "~x", "bool: logical not"),
    _binary(
        "lshift", "shift", INTEGERS, "x * 2**y modulo 2**n", "counts below 0 or >= width give 0"
    ),
    _binary(
        "rshift",
        "shift",
        INTEGERS,
        "floor(x / 2**y)",
        "counts below 0 or >= width give 0, or -1 for negative x",
    ),
    OpRow(
        "where",
        "elementwise",
        3,
        Exactness.BITS,
        "branches",
        (BOOL, ALL, ALL),
        "x if condition else y",
        special=("chooses bits; a promoted branch is cast first",),
        references=_JUDGES,
        common=(1, 2),
        computing=False,
    ),
    OpRow(
        "cast",
        "cast",
        1,
        Exactness.ROUNDED,
        "requested",
        (ALL,),
        "the value in another dtype, rounded once",
        attributes=("dtype",),
        special=(
            "float to integer truncates, saturates, NaN gives 0",
            "integers wrap",
            "to bool is x != 0",
            "the same dtype keeps the bits",
        ),
        references=_EXACT,
    ),
    OpRow(
        "bitcast",
        "cast",
        1,
        Exactness.BITS,
        "requested",
        (NUMBERS,),
        "the same bits read as another dtype of the same width",
        attributes=("dtype",),
        references=_JUDGES,
        computing=False,
    ),
    _movement("reshape", ("shape",), "row-major reshape; one extent may be -1"),
    _movement("permute", ("order",), "axes in another order"),
    _movement("expand", ("shape",), "broadcast to shape; -1 keeps an extent"),
    OpRow(
        "pad",
        "movement",
        1,
        Exactness.BITS,
        "first",
        (ALL,),
        "value around x, (before, after) per axis",
        attributes=("padding", "value"),
        defaults={"value": 0},
        references=_JUDGES,
        computing=False,
    ),
    _movement("shrink", ("arg",), "x[lo:hi] per axis"),
    _movement("flip", ("axis",), "reversed along the axes"),
    _sum("sum", "sum of the elements in Order(32, 32)", "an empty sum is +0", "never -0"),
    _sum("prod", "product of the elements in Order(32, 32)", "an empty product is 1"),
    _extreme("max", "greatest element"),
    _extreme("min", "least element"),
    OpRow(
        "matmul",
        "matmul",
        2,
        Exactness.ORDERED,
        "contracted",
        (ALL, ALL),
        "sum over k of round(x[..., i, k] * y[..., k, j]) in Order(1, 256)",
        special=(NANS, WRAP),
        references=("numpy", "torch", "exact"),
        common=_BOTH,
        order=SEQUENTIAL,
    ),
    OpRow(
        "arange",
        "creation",
        0,
        Exactness.BITS,
        "creation",
        (),
        "start + i * step for i < ceil((stop - start) / step)",
        attributes=("start", "stop", "step", "dtype"),
        defaults={"start": 0, "step": 1, "dtype": None},
        references=("numpy",),
    ),
    OpRow(
        "full",
        "creation",
        0,
        Exactness.BITS,
        "creation",
        (),
        "fill_value everywhere",
        attributes=("shape", "fill_value", "dtype"),
        defaults={"dtype": None},
        references=_JUDGES,
        computing=False,
    ),
    OpRow(
        "getitem",
        "index",
        1,
        Exactness.BITS,
        "first",
        (ALL,),
        "x[index], basic indexing",
        attributes=("index",),
        references=_JUDGES,
        computing=False,
    ),
    OpRow(
        "take",
        "index",
        2,
        Exactness.BITS,
        "first",
        (ALL, INTEGERS),
        "x (flattened without an axis) read along axis at the positions of an index tensor",
        attributes=("axis",),
        defaults={"axis": None},
        special=("negative indices count from the end", "out of range reads 0"),
        computing=False,
    ),
)

ROWS: dict[str, OpRow] = {row.name: row for row in _ROWS}


def result_dtype(op: str, dtypes: Sequence[str], attributes: Mapping[str, Any]) -> str:
    """The dtype of `op` applied to operands of `dtypes`; TypeError where the row forbids them."""
    row = ROWS[op]
    row.check(dtypes)
    return RULES[row.result](dtypes, attributes)
