"""The list of passes, and what runs it: a kernel from its SINK to instructions.

Every pass is valid in, valid out: the spec of the level that it reaches is verified after it, and
a failure names the pass. `trace` gives every state between, for printing and for bisecting.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine import dtypes
from engine.canonical import place_canon
from engine.context import setting
from engine.counters import Compiling
from engine.decompose import narrow_float
from engine.decompose.arithmetic import EXPANSIONS
from engine.decompose.floats import decompose_floats
from engine.decompose.functions import EXACT, FUNCTIONS
from engine.decompose.integer_power import integer_power
from engine.decompose.operations import without_missing
from engine.decompose.small import widen_small
from engine.decompose.storage import decompose_storage
from engine.decompose.wide import split_wide
from engine.expand import expand
from engine.graph import Node, dump
from engine.linearize import Launchable, linearize
from engine.lower import lower
from engine.narrow import check_words, narrow_index
from engine.ops import OPERATIONS, Op
from engine.optimize import optimize
from engine.recent import Recent
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.simplify.values import MACHINE_RULES, VALUE_RULES
from engine.spec import Level, verify
from engine.steps import Output, Variables
from engine.target import Target

Apply = Callable[[Node, Target], list[Node]]


@dataclass(frozen=True)
class Pass:
    """One step from kernel to kernels (most give one); its result obeys `level` of the spec.

    `reads` names the facts of a target on which the result, and that it is valid, depend.
    """

    name: str
    apply: Apply
    level: Level
    reads: tuple[str, ...] = ()


def _simplify_values(sink: Node, target: Target) -> list[Node]:
    return [rewrite(sink, VALUE_RULES)]


def _place_canon(sink: Node, target: Target) -> list[Node]:
    return [place_canon(sink)]


# Operations on float32 and float64 that no target has, with what they are made of.
MADE_OF_OTHERS = {
    OPERATIONS[name.upper()]: function for name, function in (FUNCTIONS | EXACT).items()
}


def _expand_function(node: Node) -> Node | None:
    if node.op is Op.POW and node.dtype.is_int:
        return integer_power(node)
    if node.dtype not in (dtypes.float32, dtypes.float64):
        return None
    expanded: Node = MADE_OF_OTHERS[node.op](*node.src)
    return expanded


FUNCTION_RULES = RuleSet([Expansion("functions", tuple(MADE_OF_OTHERS), _expand_function)])


def _decompose_functions(sink: Node, target: Target) -> list[Node]:
    if lacking := narrow_float.lacked(target.arithmetic):
        sink = rewrite(sink, narrow_float.arithmetic(lacking))
    return [rewrite(sink, FUNCTION_RULES)]


def _decompose_storage(sink: Node, target: Target) -> list[Node]:
    if lacking := narrow_float.lacked(target.arithmetic):
        sink = rewrite(sink, narrow_float.casts(lacking))
    return decompose_storage(sink, target)


def _optimize(sink: Node, target: Target) -> list[Node]:
    return optimize(sink, target) if setting("OPTIMIZE") else [sink]


def _expand(sink: Node, target: Target) -> list[Node]:
    return [expand(sink)]


def _narrow(sink: Node, target: Target) -> list[Node]:
    if dtypes.int64 not in target.arithmetic:
        check_words(sink)
    return [narrow_index(sink, target.narrow_index)]


# Together, since algebra on the parts of an expansion may ask for another one (x * 1.0 = canon x).
ARITHMETIC_RULES = RuleSet([*VALUE_RULES.rules, *EXPANSIONS.rules])


def _decompose_arithmetic(sink: Node, target: Target) -> list[Node]:
    return [rewrite(sink, ARITHMETIC_RULES)]


def _decompose_floats(sink: Node, target: Target) -> list[Node]:
    return [decompose_floats(sink, target)]


def _split_wide(sink: Node, target: Target) -> list[Node]:
    if dtypes.int64 in target.arithmetic:
        return [sink]
    return [rewrite(split_wide(sink), MACHINE_RULES)]


def _widen_small(sink: Node, target: Target) -> list[Node]:
    return [widen_small(sink, target)]


def _without_missing(sink: Node, target: Target) -> list[Node]:
    made = without_missing(sink, target)
    return [sink if made is sink else rewrite(made, MACHINE_RULES)]


PASSES: tuple[Pass, ...] = (
    Pass("simplify values", _simplify_values, Level.LOOPS),
    Pass("place canonical NaNs", _place_canon, Level.LOOPS),
    Pass("decompose functions", _decompose_functions, Level.LOOPS, ("arithmetic",)),
    Pass("decompose storage", _decompose_storage, Level.STORED, ("arithmetic", "storage")),
    Pass("optimize", _optimize, Level.STORED,
         ("storage", "vector_bytes", "vector_registers", "max_unroll", "threads", "grid",
          "workgroup")),
    Pass("expand vectors and copies", _expand, Level.EXPANDED, ("storage",)),
    Pass("narrow addresses", _narrow, Level.ADDRESSED, ("arithmetic", "storage", "narrow_index")),
    Pass("decompose arithmetic", _decompose_arithmetic, Level.ADDRESSED, ("storage",)),
    Pass("decompose floats", _decompose_floats, Level.ADDRESSED, ("arithmetic", "storage", "ops")),
    Pass("split 64-bit integers", _split_wide, Level.ADDRESSED, ("arithmetic", "storage")),
    Pass("widen small integers", _widen_small, Level.ADDRESSED, ("arithmetic", "storage")),
    Pass("replace operations", _without_missing, Level.MACHINE, ("arithmetic", "storage", "ops")),
)  # fmt: skip

# Results of passes by what they depend on. Kernels are immutable, so targets share what they agree
# on: a program that runs on several devices is lowered once and goes separate ways late.
REMEMBERED = 1 << 14  # a launch of the harness on three devices
SHAPING = ("OPTIMIZE", "THREADS", "LARGE_FROM", "VERIFY")
_results: Recent[list[Node]] = Recent(REMEMBERED)
_lowered: Recent[Node] = Recent(REMEMBERED // len(PASSES))
_instructions: Recent[Launchable] = Recent(REMEMBERED // len(PASSES))


def forget() -> None:
    """Drop what is remembered: everything is made again."""
    for remembered in (_results, _lowered, _instructions):
        remembered.clear()


Run = Callable[[Pass, Node, Target], list[Node]]


def run(step: Pass, kernel: Node, target: Target) -> list[Node]:
    """What a pass makes of a kernel, verified."""
    results = step.apply(kernel, target)
    if Compiling.passes is not None and results != [kernel]:
        Compiling.passes[step.name] += 1
    if setting("VERIFY"):
        for result in results:
            verify(result, step.level, target, step.name)
    return results


def run_once(step: Pass, kernel: Node, target: Target) -> list[Node]:
    """The same, remembered."""
    facts = tuple([getattr(target, name) for name in step.reads])
    key = (step, kernel, facts, *map(setting, SHAPING))
    return _results.of(key, lambda: run(step, kernel, target))


def trace(
    sink: Node, target: Target, run_pass: Run = run
) -> Iterator[tuple[Pass | None, list[Node]]]:
    """The kernel as lowered (pass None), then after every pass."""
    kernels = [sink]
    if setting("VERIFY"):
        verify(sink, Level.LOOPS, target, "lower")
    yield None, kernels
    for step in PASSES:
        kernels = [result for kernel in kernels for result in run_pass(step, kernel, target)]
        yield step, kernels


def compile_kernel(
    outputs: Sequence[Output], target: Target, name: str, variables: Variables
) -> list[Launchable]:
    """The kernels, to be run in order, that one step of a schedule becomes on a target."""
    sink = _lowered.of(tuple(outputs), lambda: lower(outputs))
    kernels: list[Node] = []
    for step, after in trace(sink, target, run_once):
        if setting("DEBUG") >= 4:
            _print_state(name, step.name if step else "lower", after, after == kernels)
        kernels = after
    return [
        _linearized(kernel, name if i == 0 else f"{name}_rest{i}", variables)
        for i, kernel in enumerate(kernels)
    ]


def _linearized(kernel: Node, name: str, variables: Variables) -> Launchable:
    """The same instructions for every target, whose kernels number themselves."""
    made = _instructions.of((kernel, variables), lambda: linearize(kernel, name, variables))
    return replace(made, kernel=replace(made.kernel, name=name))


def _print_state(name: str, step: str, kernels: Sequence[Node], unchanged: bool) -> None:
    text = "unchanged" if unchanged else "\n".join(dump(kernel) for kernel in kernels)
    print(f"--- {name} after {step}:", text, sep=" " if unchanged else "\n", file=sys.stderr)
