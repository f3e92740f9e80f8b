"""A case as a Python script that needs the engine alone."""

from __future__ import annotations

from conformance.harness.calls import Operand, call_of
from conformance.harness.case import Case, Input, Statement
from engine.dtypes import as_dtype


def print_script(case: Case, device: str = "") -> str:
    """Data, one line a value, one line an output: it is printed, or must be the bits expected.

    It runs on `device`, else on the first that the case names, unless $LOCKSTEP_DEVICE is set.
    """
    device = device or (case.devices[0] if case.devices else "LLVM")
    kind, _, taken = device.partition("/")
    lines = ["import os", f'os.environ.setdefault("LOCKSTEP_DEVICE", "{kind}")']
    if taken:
        lines.append(f'os.environ["EMULATE"] = "{taken}"')
    lines.append("from engine import Tensor")
    lines += [f"v{k} = {_input(item)}" for k, item in enumerate(case.inputs)]
    for k, statement in enumerate(case.statements, len(case.inputs)):
        lines += _statement(statement, f"v{k}")
    expected = case.expected or (None,) * len(case.outputs)
    for value, bits in zip(case.outputs, expected, strict=True):
        got = f"v{value}.tobytes().hex()"
        lines.append(f"print({got})" if bits is None else f'assert {got} == "{bits.hex()}", {got}')
    return "\n".join(lines) + "\n"


def _input(item: Input) -> str:
    """A tensor in memory, or a scalar in the program, which has one NaN only."""
    if item.const and item.shape == ():
        value = as_dtype(item.dtype).decode(int.from_bytes(item.data, "little"))
        if as_dtype(item.dtype).encode(value) == int.from_bytes(item.data, "little"):
            return f'Tensor.full((), {_text(value, ())}, dtype="{item.dtype}")'
    return f'Tensor.from_bytes(bytes.fromhex("{item.data.hex()}"), "{item.dtype}", {item.shape!r})'


def _statement(statement: Statement, name: str) -> list[str]:
    """The lines that give a value its name."""
    call = call_of(statement)
    operands = statement.operands
    lines = [] if call.seed is None else [f"Tensor.manual_seed({call.seed})"]
    receiver = "Tensor" if call.receiver is None else f"v{operands[call.receiver.place]}"
    positional = [_text(item, operands) for item in call.positional]
    if call.method == "__getitem__":
        return [*lines, f"{name} = {receiver}[{positional[0]}]"]
    keywords = [f"{key}={_text(item, operands)}" for key, item in call.keywords.items()]
    picked = "" if call.pick is None else f"[{call.pick}]"
    arguments = ", ".join([*positional, *keywords])
    return [*lines, f"{name} = {receiver}.{call.method}({arguments}){picked}"]


def _text(value: object, operands: tuple[int, ...]) -> str:
    if isinstance(value, Operand):
        return f"v{operands[value.place]}"
    if value is Ellipsis:
        return "..."
    if isinstance(value, float):
        return f'float.fromhex("{value.hex()}")' if value == value else 'float("nan")'
    if isinstance(value, tuple):
        inner = ", ".join(_text(item, operands) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)
