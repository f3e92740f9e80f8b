"""A case as a Python script that needs the engine alone."""

from __future__ import annotations

from conformance.harness.calls import Operand, call_of
from conformance.harness.case import Case, Statement


def print_script(case: Case, device: str = "") -> str:
    """Data, one line a value, one print.

    It runs on `device`, else on the first that the case names, and fails where the outputs are not
    the bits that the case expects.
    """
    device = device or (case.devices[0] if case.devices else "LLVM")
    lines = ["import sys", "from engine import Tensor", ""]
    lines.append(f'device = sys.argv[1] if len(sys.argv) > 1 else "{device}"')
    for k, item in enumerate(case.inputs):
        call = f'bytes.fromhex("{item.data.hex()}"), "{item.dtype}", {item.shape!r}, device'
        lines.append(f"v{k} = Tensor.from_bytes({call})")
    for k, statement in enumerate(case.statements, len(case.inputs)):
        lines += _statement(statement, f"v{k}")
    shown = ", ".join(f"v{value}.tobytes().hex()" for value in case.outputs)
    lines.append(f"print({shown})")
    for value, bits in zip(case.outputs, case.expected):
        if bits is not None:
            lines.append(f'assert v{value}.tobytes().hex() == "{bits.hex()}", "v{value} is wrong"')
    return "\n".join(lines) + "\n"


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
    if not operands:
        keywords.append("device=device")
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
