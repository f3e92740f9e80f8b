"""Random sequences: statement after statement, each tried in numpy before it is kept.

What is drawn is right by construction, and of what is drawn everything is known: names, shapes,
which results share memory. Shapes and numbers are few, so that kernels come back from the cache.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from conformance.harness.case import hex_words
from conformance.harness.generate.choosing import (
    Chooser,
    RandomChooser,
    Weighted,
    chance,
    choose,
)
from conformance.harness.sequences import keys, model
from conformance.harness.sequences.evaluate import NotRefused, Run
from conformance.harness.sequences.text import Sequence, Statement, statement
from conformance.harness.subject import array_bytes
from oracles.edges import edges
from oracles.formats import FORMATS, Array, format_of

LENGTHS = (6, 28)  # statements
NAMES = 9  # tensors at a time
MAX_ELEMENTS = 96
SHAPES = ((4,), (8,), (8,), (3, 4), (4, 4), (4, 4))
ODD = ((6,), (2, 3), (2, 2, 3), (1, 3), (), (), (0,), (2, 0))
SELDOM = 4  # one tensor in so many has another shape, one number in so many another value
OFTEN: Mapping[str, float] = {
    "int32": 16, "float32": 4, "int8": 1, "uint16": 1, "int64": 1, "bool": 1,
}  # fmt: skip
DTYPES: Mapping[str, float] = {name: OFTEN.get(name, 0.5) for name in FORMATS}
"""Few are frequent, so that kernels come back from the cache and tensors meet others like them."""
INTEGERS = ("+", "+", "+", "*", "*", "-", "|", "^", "&", "//", "%", "<<")
FLOATS = ("+", "+", "*", "-")
BOOLS = ("|", "&", "^")
REFUSED = (ValueError, IndexError, TypeError, OverflowError, RuntimeError)


def random_sequence(seed: int, number: int) -> Sequence:
    """Sequence `number` of a seed."""
    chooser = RandomChooser(random.Random(f"sequence {seed}/{number}"))
    return Growing(chooser).grown(chooser.integer(*LENGTHS))


class Growing:
    """A sequence so far, and what numpy has made of it."""

    def __init__(self, chooser: Chooser) -> None:
        self.chooser = chooser
        self.run = Run(model.Model())
        self.statements: list[Statement] = []
        self.number = 0

    def grown(self, length: int) -> Sequence:
        """The sequence with `length` statements more."""
        for _ in range(length):
            self.step(KINDS.choose(self.chooser) if self.tensors() else "make")
        return self.sequence()

    def sequence(self) -> Sequence:
        return Sequence(tuple(self.statements))

    def step(self, kind: str) -> None:
        """One statement of a kind; none where nothing of the kind is right here."""
        text = STEPS[kind](self)
        if text is not None:
            self.keep(text)

    def keep(self, text: str) -> bool:
        """Whether numpy takes the statement, which is kept then."""
        one = statement(text)
        try:
            self.run.one(one)
        except (*REFUSED, NotRefused):
            return False
        self.statements.append(one)
        return True

    # -- what there is -----------------------------------------------------------------------------
    def tensors(self) -> dict[str, Array]:
        return {n: x for n, x in self.run.names.items() if isinstance(x, np.ndarray)}

    def one(self) -> tuple[str, Array]:
        """A tensor, the later ones more often."""
        known = list(self.tensors().items())
        k = max(self.chooser.integer(0, len(known) - 1), self.chooser.integer(0, len(known) - 1))
        return known[k]

    def new(self, expression: str | None) -> str | None:
        """`name = expression`; an old name where there are many."""
        if expression is None:
            return None
        known = list(self.tensors())
        if len(known) >= NAMES:
            return f"{choose(self.chooser, known)} = {expression}"
        self.number += 1
        return f"t{self.number - 1} = {expression}"

    def like(self, shape: tuple[int, ...], dtype: str, name: str = "") -> str:
        """An expression that broadcasts to a shape and may be written into a dtype."""
        rank = model.RANKS[FORMATS[dtype].kind]
        fits = [
            n for n, x in self.tensors().items()
            if model.RANKS[format_of(x).kind] <= rank and _broadcasts(x.shape, shape)
        ]  # fmt: skip
        if fits and not chance(self.chooser, 3):
            found = choose(self.chooser, fits)
            return found if not chance(self.chooser, 3) else f"{found} {self.operator(found)}"
        if chance(self.chooser, 3):
            return self.fresh(shape, dtype)
        return self.scalar(dtype)

    def operator(self, name: str) -> str:
        """An operator and a number that go behind a tensor."""
        dtype = self.run.names[name].dtype.name
        kind = FORMATS[dtype].kind
        signs = FLOATS if kind == "float" else BOOLS if kind == "bool" else INTEGERS
        sign = choose(self.chooser, signs)
        number = str(self.chooser.integer(0, 3)) if sign == "<<" else self.scalar(dtype)
        return f"{sign} {number}"

    def scalar(self, dtype: str) -> str:
        kind = FORMATS[dtype].kind
        if kind == "bool":
            return choose(self.chooser, ("True", "False"))
        number = 3
        if chance(self.chooser, SELDOM):
            number = self.chooser.integer(0 if kind == "uint" else -2, 2)
        return str(number) + (".5" if kind == "float" else "")

    def fresh(self, shape: tuple[int, ...], dtype: str) -> str:
        """New data: numbers in memory, edges, or a constant."""
        row = FORMATS[dtype]
        if chance(self.chooser, 4):
            return f"full({shape}, {self.scalar(dtype)}, '{dtype}')"
        if len(shape) == 1 and row.kind != "bool" and chance(self.chooser, 4):
            return f"arange({shape[0]}, '{dtype}')"
        if row.is_float or chance(self.chooser, 6):
            pool = [int(word) for word in edges(dtype)]
            words = [choose(self.chooser, pool) for _ in range(prod(shape))]
            array = row.from_bits(np.array(words, row.unsigned).reshape(shape))
            return f"bits('{dtype}', {shape}, '{' '.join(hex_words(array_bytes(array), row))}')"
        numbers = [self.chooser.integer(0, 1 if row.kind == "bool" else 9) for _ in
                   range(prod(shape))]  # fmt: skip
        data = np.array(numbers).reshape(shape).astype(row.numpy_dtype).tolist()
        if 0 in shape:
            return f"zeros({shape}, '{dtype}')"
        return f"tensor({data}, '{dtype}')"


def _broadcasts(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, wide) == wide and len(shape) <= len(wide)
    except ValueError:
        return False


# -- statements that make tensors ------------------------------------------------------------------
def _make(now: Growing) -> str | None:
    dtype = Weighted(DTYPES).choose(now.chooser)
    shapes = ODD if chance(now.chooser, SELDOM) else SHAPES
    return now.new(now.fresh(choose(now.chooser, shapes), dtype))


def _view(now: Growing) -> str | None:
    name, x = now.one()
    return now.new(keys.view(now.chooser, name, x))


def _alias(now: Growing) -> str | None:
    name, _ = now.one()
    return now.new(name if chance(now.chooser, 2) else f"{name}.to('here')")


def _copy(now: Growing) -> str | None:
    name, x = now.one()
    dtype = Weighted(DTYPES).choose(now.chooser)
    return now.new(choose(now.chooser, (
        f"{name}.clone()", f"{name}.contiguous()", f"{name}.cast(dtype='{dtype}')",
        f"{name}.pad(padding={tuple((0, 1) for _ in x.shape)})" if x.ndim else f"{name}.clone()",
        f"{name}.cat({name}, dim=0)" if x.ndim else f"{name}.clone()",
    )))  # fmt: skip


def _moved(now: Growing) -> str | None:
    name, _ = now.one()
    return now.new(f"{name}.to('there')") if now.chooser.integer(0, 1) else None


def _compute(now: Growing) -> str | None:
    name, x = now.one()
    if x.size > MAX_ELEMENTS:
        return None
    kind = format_of(x).kind
    if chance(now.chooser, 3):
        return now.new(_reduced(now, name, x))
    other, y = now.one()
    if format_of(y).name == format_of(x).name and _broadcasts(y.shape, x.shape):
        signs = FLOATS if kind == "float" else BOOLS if kind == "bool" else ("+", "-", "*", "<")
        return now.new(f"{name} {choose(now.chooser, signs)} {other}")
    return now.new(f"{name} {now.operator(name)}")


def _reduced(now: Growing, name: str, x: Array) -> str | None:
    if not x.ndim or format_of(x).kind == "bool":
        return None
    axis = now.chooser.integer(0, x.ndim - 1)
    methods = ("sum", "max", "cumsum") if x.shape[axis] else ("sum",)
    method = choose(now.chooser, methods)
    return f"{name}.{method}(axis={axis})"


def _read(now: Growing) -> str | None:
    """Elements at places that a tensor names, or where a mask is true."""
    name, x = now.one()
    key = keys.advanced(now.chooser, name, x, now.tensors())
    return now.new(f"{name}[{key}]") if key else None


# -- statements that write -------------------------------------------------------------------------
def _set(now: Growing) -> str | None:
    """x[key] = value"""
    name, x = now.one()
    key = keys.basic(now.chooser, x.shape)
    part = keys.part(now.run, name, key)
    if part is None:
        return None
    if chance(now.chooser, 3):
        shifted = keys.shifted(now.chooser, x.shape, part.shape)
        if shifted:
            return f"{name}[{key}] = {name}[{shifted}]"
    return f"{name}[{key}] = {now.like(part.shape, x.dtype.name)}"


def _set_places(now: Growing) -> str | None:
    """x[tensor] = value, x[mask] = value, and in place"""
    name, x = now.one()
    key = keys.advanced(now.chooser, name, x, now.tensors())
    if key is None:
        return None
    part = keys.part(now.run, name, key)
    if part is None:
        return None
    if chance(now.chooser, 3):
        return f"{name}[{key}] {_sign(now, x)}= {now.scalar(x.dtype.name)}"
    shape = part.shape if "tensor" in key or "[" in key else ()
    return f"{name}[{key}] = {now.like(shape, x.dtype.name)}"


def _assign(now: Growing) -> str | None:
    """x.assign(value)"""
    name, x = now.one()
    if x.ndim > 1 and x.shape[0] == x.shape[1] and chance(now.chooser, 2):
        return f"{name}.assign({name}.transpose(0, 1))"
    if x.ndim and chance(now.chooser, 3):
        return f"{name}.assign({name}.flip({now.chooser.integer(0, x.ndim - 1)}))"
    value = now.like(x.shape, x.dtype.name)
    return f"{name}.assign({value})" if value in now.run.names else f"{name}[...] = {value}"


def _sign(now: Growing, x: Array) -> str:
    kind = format_of(x).kind
    signs = FLOATS if kind == "float" else BOOLS if kind == "bool" else INTEGERS[:9]
    return choose(now.chooser, signs)


def _update(now: Growing) -> str | None:
    """x op= value"""
    name, x = now.one()
    return f"{name} {_sign(now, x)}= {now.like(x.shape, x.dtype.name)}"


def _update_part(now: Growing) -> str | None:
    """x[key] op= value"""
    name, x = now.one()
    key = keys.basic(now.chooser, x.shape)
    part = keys.part(now.run, name, key)
    if part is None:
        return None
    shifted = keys.shifted(now.chooser, x.shape, part.shape) if chance(now.chooser, 3) else None
    value = f"{name}[{shifted}]" if shifted else now.like(part.shape, x.dtype.name)
    return f"{name}[{key}] {_sign(now, x)}= {value}"


def _swap(now: Growing) -> str | None:
    """Two parts of one tensor, of which one is kept before both are written."""
    name, x = now.one()
    key = keys.basic(now.chooser, x.shape)
    part = keys.part(now.run, name, key)
    other = None if part is None else keys.shifted(now.chooser, x.shape, part.shape)
    if other is None:
        return None
    kept = now.new(f"{name}[{key}] + 0" if x.dtype != bool else f"{name}[{key}].clone()")
    if kept is None or not now.keep(kept) or now.run.names.get(name) is not x:
        return None
    if not now.keep(f"{name}[{key}] = {name}[{other}]"):
        return None
    return f"{name}[{other}] = {kept.partition(' ')[0]}"


def _refused(now: Growing) -> str | None:
    """What must raise, and leave everything as it is."""
    name, x = now.one()
    if not x.ndim:
        return None
    bad, error = choose(now.chooser, (
        (f"{name}[{x.shape[0]}] = 0", "IndexError"),
        (f"{name}.unsqueeze(0).expand({(2, *x.shape)}).assign({name})", "ValueError"),
        (f"{name}[...] = zeros({(*x.shape, 7)}, '{x.dtype.name}')", "ValueError"),
    ))  # fmt: skip
    if x.size == 0:
        return None
    return f"with refused('{error}'):\n    {bad}"


# -- the rest --------------------------------------------------------------------------------------
def _realize(now: Growing) -> str | None:
    known = list(now.tensors())
    count = now.chooser.integer(1, min(3, len(known)))
    chosen = dict.fromkeys(choose(now.chooser, known) for _ in range(count))
    return f"realize({', '.join(chosen)})"


def _delete(now: Growing) -> str | None:
    known = list(now.tensors())
    return f"del {choose(now.chooser, known)}" if len(known) > 3 else None


STEPS: Mapping[str, Callable[[Growing], str | None]] = {
    "make": _make, "view": _view, "alias": _alias, "copy": _copy, "moved": _moved,
    "compute": _compute, "read": _read,
    "set": _set, "set places": _set_places, "assign": _assign, "update": _update,
    "update part": _update_part, "swap": _swap, "refused": _refused,
    "realize": _realize, "delete": _delete,
}  # fmt: skip
WEIGHTS: Mapping[str, float] = {
    "make": 4, "view": 8, "alias": 0.5, "copy": 1, "moved": 0.25, "compute": 5, "read": 1,
    "set": 5, "set places": 3, "assign": 2, "update": 4, "update part": 4, "swap": 1,
    "refused": 0.5, "realize": 3.5, "delete": 1,
}  # fmt: skip
KINDS = Weighted(WEIGHTS)
