"""What a row of the catalog says, and the words that rows share."""

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
FLOAT8 = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
FLOATS = ("float16", "float32", "float64", "bfloat16", *FLOAT8)
NUMBERS = INTEGERS + FLOATS
ALL = BOOL + NUMBERS
CORRECTLY_ROUNDED = 0.5
"""A bound in ulp that is met by one result only: of two as near as that, the even one."""
BOTH = (0, 1)

ZEROS = "maximum and minimum order -0 < +0"
NANS = "a NaN operand gives the canonical NaN"
BY_ZERO = "x // 0 = x % 0 = 0"
MIN_BY_MINUS_ONE = "MIN // -1 = MIN, MIN % -1 = 0"
WRAP = "integers wrap modulo 2**n"

OUTPUT = "output"
"""The attribute by which a statement names one of several results."""

Attributes = Mapping[str, Any]


class Exactness(Enum):
    """The ways in which a result is judged."""

    BITS = "bits"
    ROUNDED = "rounded"
    FAITHFUL = "faithful"
    ORDERED = "ordered"
    COMPOSITE = "composite"
    BACKWARD = "backward"


OPEN = (Exactness.FAITHFUL, Exactness.COMPOSITE, Exactness.BACKWARD)
"""The classes that leave last bits open: what is made of such a result has no reference."""


@dataclass(frozen=True)
class Order:
    """An order of accumulation: `lanes` running sums of `rows` elements in each block."""

    lanes: int
    rows: int


def bounds(narrow: float, wide: float) -> Mapping[str, float]:
    """What results may be off: those narrower than the float32 of their steps, and the others."""
    return {name: narrow if FORMATS[name].bits < 32 else wide for name in FLOATS}


COMPOSITE_BOUNDS = bounds(0.51, 4.0)
"""What a formula of a few steps may be off, in the units of `composite.verdict`."""

CLOSE_BOUNDS = bounds(0.51, 1.0)
"""The same where its error scale says all that happens on the way; 0.62 at most was measured."""

SEQUENTIAL_LANES = Order(32, 32)
SEQUENTIAL = Order(1, 256)


@dataclass(frozen=True, kw_only=True)
class OpRow:
    """One operator: the method of that name on Tensor.

    Operands: `dtypes[k]` are the names allowed for operand k, the tensor itself being operand 0.
    The last `optional` ones may be missing; the last one of a `variadic` row may be repeated.
    Operands listed in `common` are promoted to one dtype first, and it is the promoted name that
    must be allowed. `parameters` are the names of the operands behind the first, where they are
    passed by keyword.

    Results: `outputs` of them; where there are several, a statement names one by the attribute
    `output`. Only the first is given, alone, where `more_with` names an attribute that is not true.
    `result` names a rule of `promotion.RULES`, one for all results or one for each.

    Attributes: `attributes` in the order of the signature, `defaults` of those that may be left
    out, and `variants`, the values that suites try on an elementwise row.

    Judging: `exactness` is that of float results; see `exactness_for`. They are of the class bits
    where one of the attributes `bits_with` is given. `bound_ulp` bounds the error of a faithful,
    composite or backward row by dtype. `computing` rows give canonical NaNs, the others keep
    the bits that they move. `order` is that of the accumulation. `no_gradient` says why there is no
    gradient, of a row that makes floats of floats.
    """

    name: str
    family: str
    dtypes: tuple[tuple[str, ...], ...] = ()
    exactness: Exactness = Exactness.BITS
    result: str | tuple[str, ...] = "first"
    formula: str
    attributes: tuple[str, ...] = ()
    defaults: Attributes = field(default_factory=dict)
    variants: tuple[Attributes, ...] = ({},)
    special: tuple[str, ...] = ()
    references: tuple[str, ...] = ("numpy", "torch")
    bound_ulp: Mapping[str, float] = field(default_factory=dict)
    common: tuple[int, ...] = ()
    computing: bool = True
    order: Order | None = None
    optional: int = 0
    variadic: bool = False
    parameters: tuple[str, ...] = ()
    outputs: int = 1
    more_with: str = ""
    bits_with: tuple[str, ...] = ()
    no_gradient: str = ""

    @property
    def differentiable(self) -> bool:
        """Whether the row has a gradient: it makes floats of floats, unless it says why not."""
        names = ["float64" if "float64" in allowed else allowed[0] for allowed in self.dtypes]
        if self.no_gradient or not any(FORMATS[name].is_float for name in names):
            return False
        rules = (self.result,) if isinstance(self.result, str) else self.result
        given = {**self.defaults, "dtype": "float64"}
        return any(FORMATS[RULES[rule](names, given)].is_float for rule in rules)

    @property
    def is_plain(self) -> bool:
        """Whether the row may be applied without any attribute."""
        return set(self.attributes) <= set(self.defaults) and {} in self.variants

    @property
    def operands(self) -> int:
        """How many operands the row names; a variadic row takes more."""
        return len(self.dtypes)

    def takes(self, count: int) -> bool:
        """Whether the row may be applied to this many operands."""
        most = count if self.variadic else self.operands
        return self.operands - self.optional <= count <= most

    def allowed(self, place: int) -> tuple[str, ...]:
        """The dtypes of an operand."""
        return self.dtypes[min(place, self.operands - 1)]

    def shared(self, count: int) -> tuple[int, ...]:
        """The operands among `count` that are promoted to one dtype."""
        if self.variadic and self.operands - 1 in self.common:
            return (*self.common, *range(self.operands, count))
        return tuple(k for k in self.common if k < count)

    def results(self, attributes: Attributes) -> int:
        """How many results a call with these attributes gives."""
        given = {**self.defaults, **attributes}
        return self.outputs if not self.more_with or given[self.more_with] else 1

    def result_dtype(self, dtypes: Sequence[str], attributes: Attributes) -> str:
        """The dtype of the result that `attributes` name, unchecked."""
        rule = self.result
        if not isinstance(rule, str):
            rule = rule[attributes.get(OUTPUT, 0)]
        return RULES[rule](dtypes, attributes)

    def exactness_for(
        self, dtypes: Sequence[str], attributes: Attributes | None = None
    ) -> Exactness:
        """The class for operands of `dtypes`; results in integers are judged by bits.

        Casts alone stay in their class whatever the dtype: exact arithmetic judges them all.
        """
        if self.name == "cast" or self.exactness is Exactness.BITS:
            return self.exactness
        given = attributes or {}
        if any(given.get(name) is not None for name in self.bits_with):
            return Exactness.BITS
        result = self.result_dtype(dtypes, given)
        return self.exactness if FORMATS[result].is_float else Exactness.BITS

    def defined(self, dtypes: Sequence[str], attributes: Attributes) -> bool:
        """Whether the attributes have a meaning for operands of these dtypes."""
        try:
            self.result_dtype(dtypes, attributes)
        except TypeError:
            return False
        return True

    def check(self, dtypes: Sequence[str]) -> None:
        """Raise TypeError unless the row accepts operands of these dtypes."""
        if not self.takes(len(dtypes)):
            raise TypeError(f"{self.name} takes {self.operands} operands, not {len(dtypes)}")
        names = list(dtypes)
        together = self.shared(len(dtypes))
        if together:
            shared = promote(*(dtypes[k] for k in together))
            for k in together:
                names[k] = shared
        for k, name in enumerate(names):
            if name not in self.allowed(k):
                raise TypeError(f"{self.name} is not defined for {name} (operand {k})")

    def accepts(self, dtypes: Sequence[str]) -> bool:
        """True when `check` would pass."""
        try:
            self.check(dtypes)
        except TypeError:
            return False
        return True
