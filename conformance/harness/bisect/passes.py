"""A kernel on its way from an expression to instructions: the first state with other bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from conformance.harness.bisect.blame import Place
from conformance.harness.bisect.rules import first_wrong, shown
from conformance.harness.bisect.schedules import Launch, executed
from conformance.harness.trial.kernels import parameters
from engine import compile as compiler, dtypes
from engine.canonical import place_canon
from engine.compile import Pass, compile_kernel, trace
from engine.fusion import GENERATORS
from engine.graph import Node, dump, toposort
from engine.interpret import states
from engine.linear import dump as dump_kernel
from engine.linearize import Launchable, linearize
from engine.ops import Op
from engine.steps import Item, Output, Variables
from engine.target import Target

CANON_PLACED = "place canonical NaNs"
NO_VARIABLES: Variables = ()
PARTS = 48  # expressions of a kernel that are tried one by one
SHUFFLED = 1


def wrong_state(launch: Launch, target: Target) -> Place | None:
    """The first state of a step's kernel that does not give the bits that it should.

    Raises PassFailed where a pass does, and whatever lowering raises.
    """
    found = _first_difference(launch, target)
    if found is None:
        return None
    step, right, wrong = found
    text = "; ".join(filter(None, (_refusal(wrong, launch), "other bits")))
    if step is None:
        return _at(launch, target, None, Place("lower", text=f"loops: {text}"))
    place = Place("pass", step.name, text=f"after the pass {step.name!r}: {text}",
                  kernel="\n\n".join(map(dump, right)))  # fmt: skip
    application = first_wrong(lambda: _is_right(launch, _applied(step, right, target), step))
    if application is None:
        return _at(launch, target, step, place)
    node = application.node
    return replace(
        place, rule=application.rule, op=str(node.op), dtype=_dtype(node),
        before=shown(node), after=shown(application.result),
    )


State = tuple[Pass | None, list[Node]]  # the kernels after a pass; None is lowering
Difference = tuple[Pass | None, list[Node], list[Node]]


def _first_difference(launch: Launch, target: Target) -> Difference | None:
    """The pass (None: lowering) after which the bits differ, and the kernels before and after it.

    The last state is executed first, since most kernels are right; then states are bisected.

    Before CANON nodes are placed, a NaN that was computed may have any bits; what a state there
    does to one that was not shows when they are placed. Then the first state that is wrong with
    them is meant, unless the loops themselves are: that is a matter of placing them.
    """
    made: list[State] = []
    failed: PassFailed | None = None
    try:
        for state in trace(launch.lowered(), target, _run):
            made.append(state)
    except PassFailed as error:
        failed = error
    first = _first_wrong_state(launch, made)
    if first is None:
        if failed is not None:
            raise failed
        return None
    if _name(made[first][0]) == CANON_PLACED and _agrees(launch, _placed(made[0][1])):
        first = next(k for k in range(first + 1) if not _agrees(launch, _placed(made[k][1])))
    return made[first][0], made[first - 1][1] if first else [], made[first][1]


def _first_wrong_state(launch: Launch, made: Sequence[State]) -> int | None:
    """The number of the first state that is wrong, None if the last one is right."""

    def is_right(number: int) -> bool:
        step, kernels = made[number]
        return _agrees(launch, kernels, _is_exact(step))

    low, high = -1, len(made) - 1  # right, or before all; wrong
    if is_right(high) and _agrees(launch, made[high][1], _is_exact(made[high][0]), SHUFFLED):
        return None
    if is_right(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_right(middle) else (low, middle)
    return high


def _name(step: Pass | None) -> str:
    return "lower" if step is None else step.name


def _placed(kernels: Sequence[Node]) -> list[Node]:
    return [place_canon(kernel) for kernel in kernels]


def _is_right(launch: Launch, kernels: Sequence[Node], step: Pass) -> bool:
    """Whether a state gives the right bits, NaNs among them, whatever pass it is in."""
    return _agrees(launch, kernels if _is_exact(step) else _placed(kernels))


class PassFailed(RuntimeError):
    """A pass raised. `step` is its name."""

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.step = step


def _run(step: Pass, kernel: Node, target: Target) -> list[Node]:
    try:
        return compiler.run(step, kernel, target)
    except Exception as error:
        raise PassFailed(step.name, error) from error


def _applied(step: Pass, kernels: Sequence[Node], target: Target) -> list[Node]:
    """The pass without the verification, which a state halfway through it would not pass."""
    return [result for kernel in kernels for result in step.apply(kernel, target)]


def _is_exact(step: Pass | None) -> bool:
    """Whether NaNs are canonical after a pass; None is lowering."""
    names = [one.name for one in compiler.PASSES]
    return step is not None and names.index(step.name) >= names.index(CANON_PLACED)


def _agrees(
    launch: Launch, kernels: Sequence[Node], exact: bool = True, shuffle: int | None = None
) -> bool:
    """Whether a state gives the bits that it should."""
    try:
        return _same(launch, states.executed(kernels, launch.before, shuffle), exact)
    except Exception:  # noqa: BLE001 - what the interpreter refuses is not right either
        return False


def _refusal(kernels: Sequence[Node], launch: Launch) -> str:
    """What the interpreter says against a state that it does not execute."""
    try:
        states.executed(kernels, launch.before)
    except Exception as error:  # noqa: BLE001 - it becomes text
        return f"{type(error).__name__}: {error}"
    return ""


def _same(launch: Launch, got: Sequence[bytes], exact: bool) -> bool:
    if exact or list(got) == list(launch.after):
        return list(got) == list(launch.after)
    kinds = [param.dtype for param in parameters(launch.lowered(), len(got))]
    return states.with_one_nan(got, kinds) == states.with_one_nan(launch.after, kinds)


# -- which part of the expression ------------------------------------------------------------------
def _at(launch: Launch, target: Target, step: Pass | None, place: Place) -> Place:
    """The place with the first operation of the kernel's expression that is wrong by itself."""
    node = smallest(launch, lambda part: _is_wrong_at(part, target, step))
    return place if node is None else replace(place, op=str(node.op), dtype=_dtype(node),
                                              before=shown(node))  # fmt: skip


def smallest(launch: Launch, is_wrong: Callable[[Launch], bool]) -> Node | None:
    """The first node of a kernel's expressions that is wrong as a kernel of its own.

    None where only the whole is, or the parts of a kernel are no kernels (scans, merges).
    """
    for node in expressions_of(launch):
        part = _alone(launch, node)
        try:
            if part is not None and is_wrong(part):
                return node
        except Exception:  # noqa: BLE001 - no kernel by itself, or an error that is a finding
            continue
    return None


def expressions_of(launch: Launch) -> list[Node]:
    """What a kernel's expressions are made of, operands first; neither memory nor constants."""
    return [
        node for node in toposort([output.expression for output in launch.outputs])
        if node.op not in GENERATORS and node.op is not Op.PARAM and node.dtype is not dtypes.index
    ][:PARTS]


def _alone(launch: Launch, node: Node) -> Launch | None:
    """A step that computes one node of another step's kernel."""
    shape = [size for size in node.shape if isinstance(size, int)]
    if len(shape) != len(node.shape):
        return None
    count = 1
    for size in shape:
        count *= size
    if count == 0:
        return None
    number = len(launch.before)
    output = Output(Node(Op.PARAM, node.dtype, (), (number, count)), node)
    slots = tuple(range(number + 1))
    item = Item(launch.item.device, (output,), slots, 1, ())
    before = (*launch.before, b"\0" * (count * node.dtype.itemsize))
    return Launch(launch.number, item, before, executed(item, before))


def _is_wrong_at(launch: Launch, target: Target, last: Pass | None) -> bool:
    """Whether a kernel gives other bits after a pass; what is before it is not looked at."""
    for step, kernels in trace(launch.lowered(), target, compiler.run_once):
        if step == last:
            return not _agrees(launch, kernels, _is_exact(step))
    raise AssertionError(f"{last} is no pass")


def _dtype(node: Node) -> str:
    return str(node.dtype.scalar) if node.dtype is not dtypes.index else ""


# -- what devices get ------------------------------------------------------------------------------
def compiled(launch: Launch, target: Target) -> list[Launchable]:
    """The instructions that a device gets for a step, from what is remembered."""
    if launch.loops is None:
        return compile_kernel(launch.outputs, target, f"k{launch.number}", NO_VARIABLES)
    *_, (_, kernels) = trace(launch.loops, target)
    return [linearize(kernel, f"k{n}", NO_VARIABLES) for n, kernel in enumerate(kernels)]


def wrong_instructions(launch: Launch, parts: Sequence[Launchable]) -> Place | None:
    """Instructions that give other bits although every state on the way to them does not."""
    if list(launch.after) == states.launched(parts, launch.before):
        return None
    text = "the instructions that devices get differ from those made anew"
    return Place("remembered", text=text, kernel=instructions(parts))


def instructions(parts: Sequence[Launchable]) -> str:
    """The instructions as text."""
    return "\n\n".join(dump_kernel(part.kernel) for part in parts)
