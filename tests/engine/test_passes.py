"""Every pass keeps every bit: kernels of random programs, interpreted after each pass.

How a state is executed, and what NaNs it may leave, says `engine.interpret.states`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from engine import Tensor, compile as compiler, dtypes
from engine.arrays import NUMPY
from engine.backends.registry import backend
from engine.compile import PASSES, Pass, trace
from engine.context import Context
from engine.folds import fold
from engine.graph import Node, toposort
from engine.interpret.preconditions import Array
from engine.interpret.states import executed, with_one_nan
from engine.interpret.tensors import evaluate
from engine.lower import lower
from engine.ops import OPERATIONS, Axis, Op
from engine.realize import base_of, structure
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.schedule import make_schedule
from engine.spec import Level, SpecError
from engine.steps import Item, Schedule
from engine.storage import memory_of
from engine.target import HOST_DTYPES, Target, effective
from tests.engine.random_programs import DTYPES, Programs, contents


def left_of(target: Target, taken: str) -> Target:
    with Context(EMULATE=taken):
        return effective(target)


TARGETS = {
    "LLVM": backend("LLVM").target,
    "CPU": Target("CPU", threads=4),  # what C compilers get: no vectors, narrow addresses
    "SSE": Target("SSE", vector_bytes=16, vector_registers=16, threads=4),
    "SMALL": Target("SMALL", vector_bytes=32, vector_registers=4, max_unroll=64),
    "NO_FLOATS": Target(
        "NO_FLOATS", vector_bytes=32, vector_registers=4,
        arithmetic=HOST_DTYPES - {dtypes.float32, dtypes.float64},
        storage=HOST_DTYPES - {dtypes.bool_, dtypes.float32, dtypes.float64},
    ),
    "WORDS": left_of(Target("WORDS", threads=4), "like_wgsl"),
    "GROUPS": left_of(Target("GROUPS", grid=True, workgroup=64, max_unroll=16), "like_wgsl"),
}
CANON_PLACED = "place canonical NaNs"
FIRST = "lower"


# -- kernels ---------------------------------------------------------------------------------------
def scheduled(tensors: Sequence[Tensor], target: Target) -> Schedule:
    roots = list(dict.fromkeys(base_of(t.node) for t in tensors))
    roots = [r for r in roots if r.op is not Op.BUFFER]
    holes = structure(roots).holes
    return make_schedule(roots, holes, lambda device: target, "PYTHON")


def storage(schedule: Schedule, item: Item, seed: int) -> list[bytes]:
    """The same bytes for every state of a kernel, outputs too: nothing else may be written."""
    rows = [schedule.slots[slot] for slot in item.slots]
    return [
        contents(row.dtype.name, max(1, row.size), seed + i).tobytes() for i, row in enumerate(rows)
    ]


def first_wrong_pass(schedule: Schedule, item: Item, target: Target, seed: int) -> str | None:
    """The name of the first pass after which a kernel gives other bits."""
    assert item.kernel is not None
    memory = storage(schedule, item, seed)
    kinds = [schedule.slots[slot].dtype for slot in item.slots]
    states = [(step.name if step else FIRST, k) for step, k in trace(lower(item.kernel), target)]
    names = [name for name, _ in states]
    want: list[bytes] | None = None
    exact = False
    for name, kernels in states:
        exact_now = names.index(name) >= names.index(CANON_PLACED)
        results = []
        for shuffle in (None, seed):
            got = executed(kernels, memory, shuffle)
            results.append((with_one_nan(got, kinds), got if exact_now else []))
        if results[0] != results[1]:
            return f"{name}, loops shuffled"
        loose, strict = results[0]
        if want is not None and (strict if exact else loose) != want:
            return name
        exact = exact_now
        want = strict if exact else loose
    return None


def kernels_of(seed: int, target: Target) -> Iterator[tuple[Schedule, Item]]:
    schedule = scheduled(Programs(seed).program(), target)
    for item in schedule.items:
        if item.kernel is not None:
            yield schedule, item


@pytest.fixture(autouse=True)
def _threads_for_small_kernels() -> Iterator[None]:
    """So that loops shared among threads occur here too."""
    with Context(LARGE_FROM=200):
        yield


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("start", range(0, 80, 20))
def test_every_pass_preserves_bits(start: int, name: str) -> None:
    """80 programs, each for two or three targets; for fewer where loops run in sequence."""
    turn = list(TARGETS).index(name)
    step = 2 if TARGETS[name].store_granularity == 1 else 6
    for seed in range(start + turn % 2, start + 20, step):
        for schedule, item in kernels_of(seed, TARGETS[name]):
            wrong = first_wrong_pass(schedule, item, TARGETS[name], seed)
            assert wrong is None, f"program {seed} on {name}: bits change after '{wrong}'"


REDUCED = {
    "sum": lambda x: x.sum(axis=1), "maximum": lambda x: x.max(axis=1), "all": lambda x: x.sum(),
    "columns": lambda x: x.sum(axis=0), "mean": lambda x: (x * 2).mean(axis=1, keepdim=True) + 1,
    "two results": lambda x: x.var(axis=1), "gathered": lambda x: reversed_places(x).mean(axis=1),
}  # fmt: skip


def reversed_places(x: Tensor) -> Tensor:
    """By numbers of 64 bits, which make the loop over them one of 64 bits too."""
    numbers = np.broadcast_to(np.arange(x.shape[1])[::-1], x.shape)
    return x.gather(1, Tensor(numbers, device="PYTHON"))


@pytest.mark.parametrize("shape", [(1, 2000), (3, 531), (5, 32)])
@pytest.mark.parametrize(
    ("name", "dtype"),
    [*[(name, "float32") for name in REDUCED], ("all", "int32"), ("maximum", "float16")],
)
def test_lanes_shared_by_a_workgroup(name: str, dtype: str, shape: tuple[int, int]) -> None:
    """Whatever is reduced, by workgroups or, where they do not pay off or cannot, without."""
    x = Tensor(contents(dtype, shape[0] * shape[1], 1), device="PYTHON").reshape(shape)
    shared = False
    with Context(LARGE_FROM=64):
        schedule = scheduled([REDUCED[name](x)], TARGETS["GROUPS"])
        for item in schedule.items:
            if item.kernel is not None:
                assert first_wrong_pass(schedule, item, TARGETS["GROUPS"], 7) is None
                *_, (_, kernels) = trace(lower(item.kernel), TARGETS["GROUPS"])
                shared |= any(n.op is Op.SHUFFLE for n in toposort(kernels))
    pays_off = name != "columns" and (shape != (5, 32) or name == "all")
    assert dtype == "float16" or shared == pays_off


def test_the_programs_reach_what_passes_do() -> None:
    """Each operation, dtype and kind of loop that a pass treats occurs in some kernel."""
    found: set[object] = set()
    for seed in range(80):
        target = list(TARGETS.values())[seed % len(TARGETS)]
        for _, item in kernels_of(seed, target):
            assert item.kernel is not None
            found.add(("outputs", len(item.kernel) > 1))
            for _, kernels in trace(lower(item.kernel), target):
                found.add(("kernels", len(kernels) > 1))
                for node in toposort(kernels):
                    found.update((node.op, node.dtype.scalar))
                    value = node.src[2] if node.op is Op.WRITE else node
                    found.add(("vector", node.op, value.dtype.lanes > 1))
                    if node.op is Op.RANGE:
                        found.add(Axis(node.arg[1]))
                    if node.op is Op.FOLD and node.arg > 1:
                        found.add("several carried")
                    if node.op is Op.LOAD and len(node.src) > 2:
                        found.add("gate")
    wanted: set[object] = {
        Op.EXP2, Op.LOG2, Op.SQRT, Op.DIV, Op.FLOORDIV, Op.FLOORMOD, Op.LSHIFT, Op.RSHIFT, Op.CAST,
        Op.CANON, Op.MAXIMUM, Op.MINIMUM, Op.WHERE, Op.FOLD, Op.TREE, Op.BROADCAST,
        *(dtypes.as_dtype(name) for name in DTYPES), *set(Axis) - {Axis.WORKGROUP, Axis.LANE},
        ("outputs", True), ("kernels", True), ("vector", Op.LOAD, True), ("vector", Op.WRITE, True),
        "several carried", "gate",
    }  # fmt: skip
    assert found >= wanted, wanted - found


# -- planted bugs ----------------------------------------------------------------------------------
def swapped(node: Node) -> Node | None:
    return None if "done" in str(node.arg) else Node(node.op, node.dtype, node.src[::-1], "done")


def planted(rules: RuleSet, at: int, monkeypatch: pytest.MonkeyPatch) -> Pass:
    """A pass with wrong rules among the good ones."""

    def apply(sink: Node, target: Target) -> list[Node]:
        return [rewrite(sink, rules)]

    level = PASSES[at - 1].level if at else Level.LOOPS
    wrong = Pass("planted", apply, level)
    monkeypatch.setattr(compiler, "PASSES", (*PASSES[:at], wrong, *PASSES[at:]))
    return wrong


def blamed(tensor: Tensor, target: Target, special: bool = False) -> set[str | None]:
    """The verdicts on the kernels of a tensor; `special`: inputs have NaNs and signed zeros."""
    schedule = scheduled([tensor], target)
    seed = 8 if special else 7
    items = [item for item in schedule.items if item.kernel is not None]
    return {first_wrong_pass(schedule, item, target, seed) for item in items}


ZERO_GONE = RuleSet([
    Expansion("x + 0 = x", (Op.ADD,), lambda n: n.src[0] if n.src[1] is n.constant(0) else None),
])
SWAPPED = RuleSet([Expansion("swap", (Op.SUB,), swapped)])
MASK_GONE = RuleSet([
    Expansion("no canon", (Op.CANON,), lambda n: n.src[0]),
])  # fmt: skip


@pytest.mark.parametrize("at", range(len(PASSES) + 1))
def test_a_pass_that_swaps_operands_is_named(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = Tensor(contents("float32", 24, 5), device="PYTHON")
    y = Tensor(contents("float32", 24, 6), device="PYTHON")
    target = TARGETS["SSE"]
    assert blamed(x - y, target) == {None}
    planted(SWAPPED, at, monkeypatch)
    assert blamed(x - y, target) == {"planted"}


def test_a_pass_that_loses_the_sign_of_zero_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Tensor(contents("float32", 400, 5), device="PYTHON")
    planted(ZERO_GONE, 1, monkeypatch)
    assert blamed(x + 0.0, TARGETS["SSE"], special=True) == {"planted"}


def test_a_pass_that_drops_canonical_nans_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Tensor(contents("float32", 400, 5), device="PYTHON")
    at = [step.name for step in PASSES].index(CANON_PLACED) + 1
    planted(MASK_GONE, at, monkeypatch)
    assert blamed(x * 2.0, TARGETS["CPU"], special=True) == {"planted"}


def test_a_pass_that_breaks_the_spec_is_named_by_the_verifier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mixed = RuleSet([
        Expansion("mix", (Op.SUB,), lambda n: Node(Op.ADD, n.dtype, (n.src[0], n.src[0].lt(0.0)))),
    ])
    planted(mixed, 3, monkeypatch)
    x = Tensor(contents("float32", 24, 5), device="PYTHON")
    with pytest.raises(SpecError, match="after pass 'planted': ADD float32"):
        blamed(x - 3.0, TARGETS["SSE"])


def test_a_reduction_in_another_order_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree turned into a plain fold over the lanes: the same numbers, summed one by one."""

    def one_by_one(node: Node) -> Node:
        return fold(node.src[0], node.constant(0), OPERATIONS[node.arg], node.src[1])

    x = Tensor(np.random.default_rng(0).standard_normal((3, 99)).astype("float32"), device="PYTHON")
    planted(RuleSet([Expansion("one by one", (Op.TREE,), one_by_one)]), 0, monkeypatch)
    assert blamed(x.sum(1), TARGETS["CPU"]) == {"planted"}


def test_the_list_of_passes_names_each_once_and_levels_only_rise() -> None:
    assert len({step.name for step in PASSES}) == len(PASSES)
    levels = [step.level for step in PASSES]
    assert levels == sorted(levels) and levels[-1] is Level.MACHINE


class Watched(Target):
    """A target that knows which of its facts have been read; its name serves messages alone."""

    seen: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in FACTS:
            Watched.seen.add(name)
        return super().__getattribute__(name)


FACTS = {field.name for field in dataclasses.fields(Target)} - {"name"}


def watched(target: Target) -> Target:
    return Watched(**{f.name: getattr(target, f.name) for f in dataclasses.fields(Target)})


def test_a_pass_says_which_facts_of_a_target_it_reads() -> None:
    """Its results are shared by targets that agree on them. Each fact is read by some kernel."""
    read: dict[str, set[str]] = {step.name: set() for step in PASSES}

    def run_watched(step: Pass, kernel: Node, target: Target) -> list[Node]:
        Watched.seen = read[step.name]
        return compiler.run(step, kernel, target)

    x = Tensor(contents("float32", 64 * 40, 1), device="PYTHON").reshape(64, 40)
    y = Tensor(contents("float32", 40 * 64, 2), device="PYTHON").reshape(40, 64)
    target = watched(TARGETS["SSE"])
    items = list(scheduled([x @ y], target).items)  # the programs have no matrix products
    for seed in range(12):
        items += [item for _, item in kernels_of(seed, TARGETS["SSE"])]
    rows = [(target, item) for item in items]
    groups = watched(TARGETS["GROUPS"])
    rows += [(groups, item) for item in scheduled([x.sum()], groups).items]
    for target, item in rows:
        assert item.kernel is not None
        for _ in trace(lower(item.kernel), target, run_watched):
            pass
    declared = {step.name: set(step.reads) for step in PASSES}
    assert read == declared


def test_targets_share_what_they_agree_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass runs again only for a target that differs in what it reads."""
    ran: list[str] = []

    def counted(step: Pass, kernel: Node, target: Target) -> list[Node]:
        ran.append(step.name)
        return run_pass(step, kernel, target)

    def runs(target: Target) -> int:
        ran.clear()
        for _ in trace(sink, target, compiler.run_once):
            pass
        return len(ran)

    run_pass = compiler.run
    monkeypatch.setattr(compiler, "run", counted)
    target = TARGETS["SSE"]
    (item,) = scheduled([Tensor(contents("float32", 64, 1)) * 2.5 + 1.25], target).items
    assert item.kernel is not None
    sink = lower(item.kernel)
    assert runs(target) == len(PASSES)
    assert runs(dataclasses.replace(target, name="OTHER", features=("more",))) == 0
    from_optimize = len(PASSES) - [step.name for step in PASSES].index("optimize")
    assert runs(dataclasses.replace(target, vector_bytes=0)) == from_optimize
    assert runs(dataclasses.replace(target, vector_bytes=0, threads=9)) == 1  # it changes nothing
    for name, value in (("OPTIMIZE", 0), ("VERIFY", 0), ("THREADS", 7)):
        with Context(**{name: value}):
            assert runs(target) == len(PASSES), name


def test_bits_do_not_depend_on_the_target() -> None:
    """The last states of one kernel for different targets."""
    for seed in range(12):
        results = []
        for target in (*TARGETS.values(), dataclasses.replace(TARGETS["SSE"], vector_bytes=0)):
            outcome = []
            for schedule, item in kernels_of(seed, target):
                assert item.kernel is not None
                *_, (_, kernels) = trace(lower(item.kernel), target)
                outcome.append(executed(kernels, storage(schedule, item, seed), None))
            results.append(outcome)
        assert all(outcome == results[0] for outcome in results), seed


def test_several_results_of_one_program() -> None:
    """Whatever is asked for together, devices and the interpreter of tensors have the same bits."""

    def load(buffer: Node) -> Array:
        raw = memory_of(buffer).read()
        return np.frombuffer(raw, NUMPY[buffer.dtype], buffer.arg[1])

    for seed in range(100, 220):
        programs = Programs(seed)
        results = programs.program()
        results += programs.random.sample(programs.made, programs.random.randint(0, 3))
        programs.random.shuffle(results)
        want = [array.tobytes() for array in evaluate([t.node for t in results], load)]
        results[0].realize(*results[1:])
        assert [t.tobytes() for t in results] == want, f"program {seed}"
