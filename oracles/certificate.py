"""The evidence on one element: what went in, what is exact, what would have been accepted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from oracles import backward, composite, exact, mpmath_ref, numpy_ref
from oracles.catalog import CORRECTLY_ROUNDED, ROWS, Exactness
from oracles.formats import FORMATS, Array, Exact, Format
from oracles.ulp import as_float, ulp_of_fraction

if TYPE_CHECKING:
    from oracles.case import Case

INPUTS_SHOWN = 16
_WITH_EXACT_VALUE = tuple(
    one.value for one in (Exactness.ROUNDED, Exactness.FAITHFUL, Exactness.COMPOSITE)
)
NEIGHBOURS = 8


@dataclass(frozen=True)
class Certificate:
    """Bits are in hexadecimal, as words of `dtype` where nothing else is said.

    `inputs` are the operands of the element as they are stored, each with its dtype; of rows that
    are not elementwise the first elements of each operand.  `accepted` lists bit patterns.
    `references` maps an oracle's name to its bits.  `wrong` of `total` elements are refused.
    """

    name: str
    index: tuple[int, ...]
    exactness: str
    dtype: str
    inputs: tuple[str, ...]
    got: str
    exact: str
    accepted: tuple[str, ...]
    references: dict[str, str]
    ulp: float | None
    ok: bool
    wrong: int
    total: int

    def text(self) -> str:
        """The certificate as lines to print; nothing is said twice."""
        verdict = "accepted" if self.ok else f"WRONG, {self.wrong} of {self.total} elements"
        got = f"{self.dtype} {self._valued(self.got)}" if self.got[:2] == "0x" else self.got
        lines = [
            f"{self.name}{list(self.index)}: {verdict} (class {self.exactness})",
            f"  inputs    {', '.join(self.inputs)}",
            f"  got       {got}",
        ]
        if self.exactness in _WITH_EXACT_VALUE:
            lines.append(f"  exact     {self.exact}")
        only = self.accepted[0] if len(self.accepted) == 1 else None
        agreeing = [oracle for oracle, word in self.references.items() if word == only]
        said = f" ({', '.join(agreeing)})" if agreeing else ""
        words = self.accepted if only is None else (self._valued(only),)
        lines.append(f"  accepted  {' '.join(words)}{said}")
        for oracle, word in self.references.items():
            if oracle not in agreeing:
                lines.append(f"  {oracle:9} {self._valued(word)}")
        if self.ulp is not None:
            lines.append(f"  distance  {self.ulp:.6g} ulp")
        return "\n".join(lines)

    def _valued(self, word: str) -> str:
        return f"{word} = {value_text(FORMATS[self.dtype], int(word, 16))}"


def value_text(row: Format, bits: int) -> str:
    """The shortest decimal that stands for these bits; nan has no payload here."""
    return str(row.from_bits(np.array([bits], dtype=row.unsigned))[0])


def certify(
    case: Case, due: Array, ok: Array, problem: str | None, index: int | tuple[int, ...]
) -> Certificate:
    """The certificate of one element: `due` is the reference, `ok` and `problem` the verdict."""
    place = _place(index, due.shape)
    row = FORMATS[due.dtype.name]
    comparable = case.got.shape == due.shape and case.got.dtype == due.dtype
    got_bits = _bits_at(case.got, place) if comparable else None
    due_bits = _bits_at(due, place)
    facts = _FACTS[case.exactness](case, place, row, due_bits, got_bits)
    return Certificate(
        case.name,
        place,
        case.exactness.value,
        row.name,
        _shown_inputs(case, place),
        row.hex(got_bits) if got_bits is not None else str(problem),
        facts.exact,
        facts.accepted,
        facts.references,
        facts.ulp,
        bool(ok[place]),
        int(ok.size - np.count_nonzero(ok)),
        int(ok.size),
    )


@dataclass(frozen=True)
class _Facts:
    exact: str
    accepted: tuple[str, ...]
    references: dict[str, str]
    ulp: float | None


def _place(index: int | tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(index, tuple):
        return tuple(int(one) for one in index)
    return tuple(int(one) for one in np.unravel_index(index, shape))


def _bits_at(array: Array, place: tuple[int, ...]) -> int:
    row = FORMATS[array.dtype.name]
    return int(row.to_bits(array[place].reshape(1))[0])


def _shown_inputs(case: Case, place: tuple[int, ...]) -> tuple[str, ...]:
    """Operands at the element where shapes broadcast to the result, else their beginnings."""
    if ROWS[case.name].family in ("elementwise", "compare", "bitwise", "shift", "cast"):
        return tuple(_shown_word(one, place) for one in np.broadcast_arrays(*case.args))
    shown = []
    for array in case.args:
        row = FORMATS[array.dtype.name]
        bits = row.to_bits(array).reshape(-1)[:INPUTS_SHOWN].tolist()
        more = " …" if array.size > INPUTS_SHOWN else ""
        shown.append(" ".join([row.name, *(row.hex(one) for one in bits)]) + more)
    return tuple(shown)


def _shown_word(array: Array, place: tuple[int, ...]) -> str:
    row = FORMATS[array.dtype.name]
    bits = _bits_at(array, place[-array.ndim :] if array.ndim else ())
    return f"{row.name} {row.hex(bits)} = {value_text(row, bits)}"


def _bits_facts(
    case: Case, place: tuple[int, ...], row: Format, due: int, got: int | None
) -> _Facts:
    word = row.hex(due)
    return _Facts(exact.decimal(row.decode(due)), (word,), {"numpy": word}, None)


def _rounded_facts(
    case: Case, place: tuple[int, ...], row: Format, due: int, got: int | None
) -> _Facts:
    from oracles.case import operand_bits

    source = FORMATS[case.converted[0].dtype.name]
    bits = tuple(operand_bits(case, place))
    right = exact.scalar_bits(case.operation, source.name, bits, row.name)
    alone = [array[place].reshape(1) for array in case.converted]
    by_numpy = numpy_ref.evaluate(case.operation, alone, case.attrs)
    distance = None
    if got is not None and row.is_float:
        distance = rounded_ulp(case.operation, source, row, bits, got)
    return _Facts(
        exact.exact_text(case.operation, source.name, bits),
        (row.hex(right),),
        {"exact": row.hex(right), "numpy": row.hex(_bits_at(by_numpy, (0,)))},
        distance,
    )


def rounded_ulp(
    name: str, source: Format, row: Format, operands: tuple[int, ...], got: int
) -> float:
    """The ulp distance of one rounded result; inf where NaN, infinity or a zero's sign differ."""
    right = exact.scalar_bits(name, source.name, operands, row.name)
    if right == got:
        special = isinstance(row.decode(right), str)
        return 0.0 if special else _distance(name, source, row, operands, got)
    either_nan = "nan" in (row.decode(right), row.decode(got))
    if either_nan or row.decode(right) == row.decode(got) == 0:
        return float("inf")
    if isinstance(_exact_value(name, source, row, operands), str):
        return float("inf")
    return _distance(name, source, row, operands, got)


def _exact_value(name: str, source: Format, row: Format, operands: tuple[int, ...]) -> Exact:
    values = [exact.value_of(source.name, bits) for bits in operands]
    if name == "cast":
        return values[0].exact
    if name == "sqrt":
        root = values[0]
        if isinstance(root.exact, str) or root.is_zero:
            return root.exact
        return exact.sqrt_with_sticky(root.exact, row.precision + 60)
    return exact.BINARY[name](*values).exact


def _distance(
    name: str, source: Format, row: Format, operands: tuple[int, ...], got: int
) -> float:
    value = _exact_value(name, source, row, operands)
    assert isinstance(value, Fraction)
    return as_float(ulp_of_fraction(row, got, value))


def _faithful_facts(
    case: Case, place: tuple[int, ...], row: Format, due: int, got: int | None
) -> _Facts:
    operands = [one[place].reshape(1) for one in case.converted]
    words = tuple(_bits_at(one, (0,)) for one in operands)
    by_numpy = numpy_ref.evaluate(case.name, operands, {})
    references = {"mpmath": row.hex(due), "numpy": row.hex(_bits_at(by_numpy, (0,)))}
    prescribed = mpmath_ref.special(case.name, *operands)
    if prescribed.mask[0]:
        only = int(prescribed.bits[0])
        distance = 0.0 if got == only else float("inf")
        return _Facts(exact.decimal(row.decode(only)), (row.hex(only),), references, distance)
    bound = ROWS[case.name].bound_ulp[row.name]
    near = [due] if bound == CORRECTLY_ROUNDED else _neighbours(row, due)
    accepted = tuple(
        row.hex(bits)
        for bits in near
        if mpmath_ref.exact_distance(case.name, row, words, bits) <= bound
    )
    far = got is None or bool(row.is_nan(np.array([got], dtype=row.unsigned))[0])
    measured = None if got is None else float("inf")
    if got is not None and not far:
        measured = mpmath_ref.exact_distance(case.name, row, words, got)
    value = mpmath_ref.true_value(case.name, row, words)
    return _Facts(exact.decimal(value), accepted, references, measured)


def _composite_facts(
    case: Case, place: tuple[int, ...], row: Format, due: int, got: int | None
) -> _Facts:
    """Accepted is a range; an element outside of the domain accepts what the formula gives."""
    known = case.composed
    references = {"formula": row.hex(due)}
    value = known.value[place]
    if not np.isfinite(value):
        return _Facts(str(value), (row.hex(due),), references, None)
    text = np.format_float_scientific(value, precision=19)
    ends = composite.reach(known, place)
    if ends is None:
        return _Facts(f"{text}, outside of the domain", ("any",), references, None)
    units = None
    if got is not None:
        bound = ROWS[case.name].bound_ulp[row.name]
        units = float(composite.distances(known, case.got, bound)[place])
    words = (row.hex(ends[0]), "to", row.hex(ends[1])) if ends[0] != ends[1] else (row.hex(due),)
    return _Facts(text, words, references, units)


def _backward_facts(
    case: Case, place: tuple[int, ...], row: Format, due: int, got: int | None
) -> _Facts:
    """The reference is one of several right results."""
    bound = f"{ROWS[case.name].bound_ulp[row.name]:g}"
    distance = None if got is None else float(backward.distances(case)[place])
    words = ("what", "is", "within", bound, "units")
    return _Facts("", words, {"one result": row.hex(due)}, distance)


def _neighbours(row: Format, bits: int) -> list[int]:
    """Bit patterns around `bits` of the same sign, up to the greatest."""
    sign, magnitude = bits & row.sign_bit, bits & (row.sign_bit - 1)
    low, high = max(magnitude - NEIGHBOURS, 0), min(magnitude + NEIGHBOURS, row.overflow)
    return [sign | one for one in range(low, high + 1)]


_FACTS = {
    Exactness.BITS: _bits_facts,
    Exactness.ROUNDED: _rounded_facts,
    Exactness.FAITHFUL: _faithful_facts,
    Exactness.ORDERED: _bits_facts,
    Exactness.COMPOSITE: _composite_facts,
    Exactness.BACKWARD: _backward_facts,
}
