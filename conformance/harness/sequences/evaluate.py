"""What a sequence does, statement by statement, in a world: numpy's or the engine's.

A world says what tensors are and what is done with them. What is observed on the way, and of all
that is there at the end, are bytes, so that worlds can be held against each other.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from conformance.harness.sequences.text import Sequence, Statement, refused, rounds

MAX_STEPS = 20_000


@dataclass(frozen=True)
class Seen:
    """What a name was at a step: its dtype, its shape and its bytes; `due` as the sequence says."""

    step: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes
    due: Any = field(default=None, compare=False)


class World(Protocol):
    """Tensors of some kind, and what statements do with them."""

    def make(self, function: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """A new tensor by one of `text.FUNCTIONS`."""
        ...

    def apply(self, op: str, operands: list[Any]) -> Any:
        """An operator, by its name in OPERATORS."""
        ...

    def call(self, method: str, receiver: Any, arguments: list[Any],
             keywords: dict[str, Any]) -> Any:  # fmt: skip
        """One of `text.METHODS`."""
        ...

    def read(self, x: Any, key: Any) -> Any:
        """x[key]"""
        ...

    def write(self, x: Any, key: Any, value: Any) -> None:
        """x[key] = value"""
        ...

    def update(self, op: str, x: Any, value: Any) -> Any:
        """x op= value; what x is from then on."""
        ...

    def realize(self, tensors: list[Any]) -> None:
        """Compute them now."""
        ...

    def see(self, x: Any) -> tuple[str, tuple[int, ...], bytes] | None:
        """The dtype, shape and bytes of a tensor; None for what is no tensor."""
        ...


OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.BitAnd: "bitwise_and", ast.BitOr: "bitwise_or",
    ast.BitXor: "bitwise_xor", ast.LShift: "lshift", ast.RShift: "rshift", ast.MatMult: "matmul",
    ast.USub: "neg", ast.Invert: "bitwise_not",
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip


class NotRefused(AssertionError):
    """A statement that must raise did not, or raised something else."""


class Run:
    """A sequence on its way; `names` are the tensors that are there."""

    def __init__(self, world: World, after: Callable[[Run], None] | None = None) -> None:
        self.world, self.after = world, after
        self.names: dict[str, Any] = {}
        self.step = 0
        self.seen: list[Seen] = []

    def all(self, sequence: Sequence) -> list[Seen]:
        """Everything that is seen: where the sequence says so, and at the end."""
        for one in sequence.statements:
            self.one(one)
        self.at_end()
        return self.seen

    def one(self, statement: Statement) -> None:
        """Run one statement."""
        self._statement(statement.tree)

    def at_end(self) -> None:
        """Compute what is there at once, and look at it: one step more."""
        self.step += 1
        self.world.realize(list(self.names.values()))
        self.see(self.names)

    def see(self, names: Mapping[str, Any]) -> None:
        """Look at some tensors."""
        for name, value in names.items():
            found = self.world.see(value)
            if found is not None:
                self.seen.append(Seen(self.step, name, *found))

    # -- statements --------------------------------------------------------------------------------
    def _statement(self, tree: ast.stmt) -> None:
        self.step += 1
        if self.step > MAX_STEPS:
            raise ValueError(f"a sequence takes at most {MAX_STEPS} steps")
        match tree:
            case ast.For():
                for k in range(rounds(tree)):
                    self.names[_name(tree.target)] = k
                    for one in tree.body:
                        self._statement(one)
                self.names.pop(_name(tree.target), None)
            case ast.With():
                self._refused(tree)
            case ast.Delete():
                for target in tree.targets:
                    self._known(_name(target))
                    del self.names[_name(target)]
            case ast.Assign():
                self._assign(tree.targets[0], self.value(tree.value))
            case ast.AugAssign():
                self._update(tree)
            case ast.Expr(value=ast.Call() as call):
                self._effect(call)
        if self.after is not None:
            self.after(self)

    def _refused(self, tree: ast.With) -> None:
        name = refused(tree)
        kept = dict(self.names)
        try:
            self._statement(tree.body[0])
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            self.names = kept
            if name not in kinds:
                raise NotRefused(
                    f"{ast.unparse(tree.body[0])} raised {type(error).__name__}, not {name}: "
                    f"{error}"
                ) from error
        else:
            raise NotRefused(f"{ast.unparse(tree.body[0])} did not raise {name}")

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Subscript):
            self.world.write(self.value(target.value), self.value(target.slice), value)
        else:
            self.names[_name(target)] = value

    def _update(self, tree: ast.AugAssign) -> None:
        """As Python does: what is updated is read, updated, and written back where it was."""
        op = OPERATORS[type(tree.op)]
        if isinstance(tree.target, ast.Subscript):
            x, key = self.value(tree.target.value), self.value(tree.target.slice)
            part = self.world.read(x, key)
            self.world.write(x, key, self.world.update(op, part, self.value(tree.value)))
        else:
            name = _name(tree.target)
            x = self._known(name)
            self.names[name] = self.world.update(op, x, self.value(tree.value))

    def _effect(self, call: ast.Call) -> None:
        match call:
            case ast.Call(func=ast.Name(id="realize"), args=args):
                chosen = {ast.unparse(one): self.value(one) for one in args}
                self.world.realize(list(chosen.values()))
                self.see(chosen)
            case ast.Call(func=ast.Name(id="due"), args=[what, value]):
                self.see({ast.unparse(what): self.value(what)})
                self.seen[-1] = replace(self.seen[-1], due=self.value(value))
            case _:
                self.value(call)

    # -- values ------------------------------------------------------------------------------------
    def _known(self, name: str) -> Any:
        if name not in self.names:
            raise NameError(f"there is no {name} here")
        return self.names[name]

    def value(self, tree: ast.expr | None) -> Any:
        """The value of an expression, of the names that are there."""
        match tree:
            case None:
                return None
            case ast.Name(id=name):
                return self._known(name)
            case ast.Constant(value=value):
                return value
            case ast.UnaryOp(op=op, operand=operand):
                return self._applied(op, [self.value(operand)])
            case ast.BinOp(left=left, op=op, right=right):
                return self._applied(op, [self.value(left), self.value(right)])
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._applied(op, [self.value(left), self.value(right)])
            case ast.Subscript(value=value, slice=key):
                return self.world.read(self.value(value), self.value(key))
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(self.value(lower), self.value(upper), self.value(step))
            case ast.Tuple(elts=items):
                return tuple(map(self.value, items))
            case ast.List(elts=items):
                return list(map(self.value, items))
            case ast.Call():
                return self._call(tree)
        raise AssertionError(f"checked when it was read: {tree!r}")

    def _applied(self, op: ast.AST, operands: list[Any]) -> Any:
        name = OPERATORS[type(op)]
        if all(isinstance(one, bool | int | float) for one in operands):
            return NUMBERS[name](*operands)
        return self.world.apply(name, operands)

    def _call(self, call: ast.Call) -> Any:
        arguments = list(map(self.value, call.args))
        keywords = {str(word.arg): self.value(word.value) for word in call.keywords}
        if isinstance(call.func, ast.Attribute):
            receiver = self.value(call.func.value)
            return self.world.call(call.func.attr, receiver, arguments, keywords)
        return self.world.make(_name(call.func), arguments, keywords)


def _name(tree: ast.AST) -> str:
    assert isinstance(tree, ast.Name)
    return tree.id


NUMBERS: Mapping[str, Callable[..., Any]] = {
    "neg": lambda a: -a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b, "mod": lambda a, b: a % b, "floordiv": lambda a, b: a // b,
}  # fmt: skip
"""Operators between Python numbers: those of loops and of sizes."""

