"""Sequences in the engine: lazily on a device, with a realize after each statement, and by other
settings, all of which must give the same bytes."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.harness.sequences import model
from conformance.harness.sequences.evaluate import Run, Seen
from conformance.harness.sequences.text import Sequence
from conformance.harness.subject import EngineSubject, array_bytes
from oracles.formats import Array, format_of

if TYPE_CHECKING:
    from engine import Tensor

OPERATORS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": operator.pow,
    "bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
    "lshift": operator.lshift, "rshift": operator.rshift, "matmul": operator.matmul,
    "neg": operator.neg, "bitwise_not": operator.invert, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge, "eq": operator.eq, "ne": operator.ne,
}  # fmt: skip
UPDATES: Mapping[str, Callable[..., Any]] = {
    "add": operator.iadd, "sub": operator.isub, "mul": operator.imul, "div": operator.itruediv,
    "floordiv": operator.ifloordiv, "mod": operator.imod, "pow": operator.ipow,
    "bitwise_and": operator.iand, "bitwise_or": operator.ior, "bitwise_xor": operator.ixor,
    "lshift": operator.ilshift, "rshift": operator.irshift, "matmul": operator.imatmul,
}  # fmt: skip


class Lazy:
    """A world of tensors on a device; `there` is another one, for `x.to('there')`."""

    def __init__(self, device: str, there: str) -> None:
        self.device, self.there = device, there

    def make(self, function: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        if function in MAKERS:
            return MAKERS[function](self.device, *arguments, **keywords)
        return self._loaded(model.MAKERS[function](*arguments, **keywords))

    def _loaded(self, array: Array) -> Tensor:
        from engine import Tensor

        name = format_of(array).name
        return Tensor.from_bytes(array_bytes(array), name, array.shape, self.device)

    def apply(self, op: str, operands: list[Any]) -> Any:
        return OPERATORS[op](*operands)

    def call(
        self, method: str, receiver: Any, arguments: list[Any], keywords: dict[str, Any]
    ) -> Any:
        if method == "to":
            arguments = [self.device if arguments == ["here"] else self.there]
        return getattr(receiver, method)(*arguments, **keywords)

    def read(self, x: Any, key: Any) -> Any:
        return x[key]

    def write(self, x: Any, key: Any, value: Any) -> None:
        x[key] = value

    def update(self, op: str, x: Any, value: Any) -> Any:
        return UPDATES[op](x, value)

    def realize(self, tensors: list[Any]) -> None:
        from engine import Tensor

        found = [x for x in tensors if isinstance(x, Tensor)]
        if found:
            found[0].realize(*found[1:])

    def see(self, x: Any) -> tuple[str, tuple[int, ...], bytes] | None:
        from engine import Tensor

        if not isinstance(x, Tensor):
            return None
        array = x.numpy()
        return x.dtype.name, array.shape, array_bytes(array)


def _full(device: str, shape: tuple[int, ...], value: bool | int | float, dtype: str) -> Tensor:
    from engine import Tensor

    return Tensor.full(shape, value, dtype=dtype, device=device)


def _zeros(device: str, shape: tuple[int, ...], dtype: str) -> Tensor:
    from engine import Tensor

    return Tensor.zeros(*shape, dtype=dtype, device=device)


def _arange(device: str, stop: int, dtype: str) -> Tensor:
    from engine import Tensor

    return Tensor.arange(stop, dtype=dtype, device=device)


def _variable(device: str, name: str, low: int, high: int, value: int) -> Any:
    from engine import Variable

    return Variable(name, low, high).bind(value)


MAKERS: Mapping[str, Callable[..., Any]] = {
    "full": _full, "zeros": _zeros, "arange": _arange, "variable": _variable,
}  # fmt: skip
"""What the engine makes itself: constants, which have no memory, and variables."""


# -- ways to run a sequence ------------------------------------------------------------------------
@dataclass(frozen=True)
class Way:
    """How a sequence runs: settings, and whether each step computes all that is there."""

    name: str
    settings: Mapping[str, int | str] = field(default_factory=dict)
    eager: bool = False


WAYS = (
    Way("lazily"),
    Way("eagerly", eager=True),
    Way("memory of its own", {"MEMORY_PLAN": 0}),
)


class Failed(Exception):
    """The engine has raised in a statement, or at the end (None); the text says what."""

    def __init__(self, error: Exception, statement: ast.stmt | None) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.statement = statement


def seen(sequence: Sequence, subject: EngineSubject, there: str, way: Way = WAYS[0]) -> list[Seen]:
    """What is seen of a sequence on a device; Failed for whatever the engine raises."""
    from engine.context import Context

    run = Run(Lazy(subject.device, there), compute_and_see if way.eager else None)
    with subject.settings(), Context(**way.settings):
        for one in sequence.statements:
            try:
                run.one(one)
            except Exception as error:
                raise Failed(error, one.tree) from error
        try:
            run.at_end()
        except Exception as error:
            raise Failed(error, None) from error
    return run.seen


def compute_and_see(run: Run) -> None:
    """Compute everything, one after the other, and look at a tensor."""
    for value in run.names.values():
        run.world.realize([value])
    see_in_turn(run)


def see_in_turn(run: Run) -> None:
    """Look at one of the tensors, at another one after the next step."""
    names = list(run.names)
    if names:
        name = names[run.step % len(names)]
        run.see({name: run.names[name]})
