"""The judgement of one kernel below the tensor level: after every pass, and on devices.

A pass is wrong after which the interpreter of instructions gives other bits than the kernel should;
a device is wrong that gives others than the interpreter does for the same instructions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from conformance.harness.generate.raw import Kernel
from conformance.harness.trial.judge import error_text
from conformance.harness.trial.outcome import Outcome, Problem, Reached
from conformance.harness.trial.reach import engine_coverage
from engine import dtypes
from engine.backends.registry import backend
from engine.compile import Pass, trace
from engine.graph import Node, order_of
from engine.interpret import states
from engine.linearize import Launchable, linearize
from engine.ops import Op
from engine.realize import target_of
from engine.target import Target

CANON_PLACED = "place canonical NaNs"
State = tuple[str, Sequence[Node]]


def judge_kernel(
    kernel: Kernel, targets: Sequence[Target], devices: Sequence[str] = ()
) -> Outcome:
    """Take a kernel through all passes for each target, and run it on each device."""
    problems: list[Problem] = []
    coverage: Counter[Reached] = Counter()
    for name, target in (*((t.name, t) for t in targets), *((d, target_of(d)) for d in devices)):
        with engine_coverage(coverage):
            found = _judged(kernel, target, name if name in devices else "")
        if found is not None:
            kind, step, text = found
            problems.append(Problem(kind, (name,), -1, step, (), f"{name}: {text}"))
    return Outcome(tuple(problems), len(kernel.after), len(kernel.after), tuple(devices), {},
                   coverage)  # fmt: skip


Found = tuple[str, str, str]  # kind of problem, pass, text


def _judged(kernel: Kernel, target: Target, device: str) -> Found | None:
    """What is wrong with a kernel on its way to a target, and on a device of that target."""
    made: list[State] = []
    try:
        for step, kernels in trace(kernel.sink, target):
            made.append((_name(step), kernels))
    except Exception as error:  # noqa: BLE001 - a pass that raises is a finding
        return "error", "", f"after {made[-1][0]!r}: {error_text(target.name, error)}"
    last = made[-1][1]
    if _difference(kernel, last) or _difference(kernel, last, shuffle=1):
        return _first_wrong(kernel, made)
    if not device:
        return None
    try:
        got = on_device(device, [linearize(one, f"k{k}", ()) for k, one in enumerate(last)],
                         kernel.before)  # fmt: skip
    except Exception as error:  # noqa: BLE001 - whatever generated code does is a finding
        return "error", "", error_text(device, error)
    return None if got == list(kernel.after) else ("bits", "", "other bits than its instructions")


def _name(step: Pass | None) -> str:
    return "lower" if step is None else step.name


def _first_wrong(kernel: Kernel, made: Sequence[State]) -> Found:
    """The first pass after which the bits are wrong; NaNs are one class until CANON is placed.

    A kernel that looks at the bits of a computed NaN has none that are due until then.
    """
    names = [name for name, _ in made]
    exact_from = names.index(CANON_PLACED)
    first = exact_from if _difference(kernel, made[0][1], one_nan=True) else 0
    for number, (name, kernels) in enumerate(made[first:], first):
        said = _difference(kernel, kernels, one_nan=number < exact_from)
        if said:
            return "oracle", name, f"after {name!r}: {said}"
    return "oracle", names[-1], "other bits when the rounds of loops are in another order"


def _difference(
    kernel: Kernel, kernels: Sequence[Node], shuffle: int | None = None, one_nan: bool = False
) -> str:
    """What is wrong with a state of a kernel; nothing if it gives the right bits."""
    try:
        got = states.executed(kernels, kernel.before, shuffle)
    except Exception as error:  # noqa: BLE001 - what the interpreter refuses is not right either
        return error_text("the interpreter", error)
    due = list(kernel.after)
    if one_nan:
        kinds = [param.dtype for param in parameters(kernel.sink, len(due))]
        got, due = states.with_one_nan(got, kinds), states.with_one_nan(due, kinds)
    wrong = [k for k, (a, b) in enumerate(zip(got, due, strict=True)) if a != b]
    return f"other bits in buffer {wrong[0]}" if wrong else ""


def parameters(sink: Node, count: int) -> list[Node]:
    """The PARAM of each number; what a kernel does not use counts as bytes."""
    found = {node.arg[0]: node for node in order_of(sink) if node.op is Op.PARAM}
    unused = Node(Op.PARAM, dtypes.uint8, (), (0, 0))
    return [found.get(k, unused) for k in range(count)]


def on_device(
    device: str, parts: Sequence[Launchable], before: Sequence[bytes]
) -> list[bytes]:
    """The contents of a kernel's buffers after the device has run it."""
    chosen = backend(device)
    programs = chosen.compile([part.kernel for part in parts])
    buffers = []
    for data in before:
        buffers.append(chosen.allocate(len(data)))
        buffers[-1].write(data)
    for part, program in zip(parts, programs, strict=True):
        program([buffers[slot] for slot in part.slots], [])
    return [buffer.read() for buffer in buffers]
