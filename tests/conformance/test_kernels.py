"""Random kernels below the tensor level: what they reach, and that a wrong pass or device shows."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from conformance.harness.generate.choosing import RandomChooser
from conformance.harness.generate.raw import (
    ALIKE,
    OTHERS,
    Kernel,
    addresses,
    expressions,
    loops,
)
from conformance.harness.trial.kernels import judge_kernel
from engine import compile as compiler, dtypes, narrow
from engine.context import Context
from engine.counters import watched
from engine.graph import Node, dump, order_of, substitute
from engine.ops import Op, Operation
from engine.rewrite import rewrite
from engine.simplify.values import RULES, VALUE_RULES
from engine.spec import Level, verify
from engine.target import Target, effective
from tests.conformance import planted as faults

SEED = 5
COUNT = 32


def left_of(taken: str) -> Target:
    with Context(EMULATE=taken):
        return replace(effective(Target("host", threads=4)), name=taken)


TARGETS = (
    Target("scalar", threads=4),
    Target("vectors", vector_bytes=32, vector_registers=4, max_unroll=64),
    left_of("like_wgsl"),
    left_of("only_words"),
)


def drawn(make: object, number: int) -> Kernel:
    assert callable(make)
    kernel = make(RandomChooser(random.Random(f"{SEED}/{number}")))
    assert isinstance(kernel, Kernel)
    return kernel


@pytest.mark.parametrize("make", [expressions, addresses, loops])
def test_kernels_depend_on_the_seed_alone_and_are_valid(make: object) -> None:
    kernels = [drawn(make, k) for k in range(20)]
    again = [drawn(make, k) for k in range(20)]
    assert [dump(k.sink) for k in kernels] == [dump(k.sink) for k in again]
    assert [(k.before, k.after) for k in kernels] == [(k.before, k.after) for k in again]
    assert len({dump(k.sink) for k in kernels}) == 20
    for kernel in kernels:
        verify(kernel.sink, Level.LOOPS, TARGETS[0], "drawn")
        assert kernel.before != kernel.after


def test_kernels_reach_operations_and_rules_that_programs_do_not() -> None:
    ops: Counter[Operation] = Counter()
    fired: Counter[str] = Counter()
    for k in range(500):
        sink = drawn(expressions, k).sink
        ops.update(node.op for node in order_of(sink))
        with watched() as (rules, _):
            rewrite(sink, VALUE_RULES)
        fired.update(rules)
    assert {*ALIKE, *OTHERS} <= set(ops)
    never = {rule.name for rule in RULES} - set(fired)
    assert len(never) < len(RULES) / 8, never


@pytest.mark.parametrize("make", [expressions, addresses, loops])
def test_every_pass_keeps_the_bits_of_random_kernels(make: object) -> None:
    for k in range(COUNT):
        devices = () if k % 4 else ("LLVM",)
        outcome = judge_kernel(drawn(make, k), TARGETS[k % 4 : k % 4 + 1], devices)
        assert outcome.problems == (), f"kernel {k} of seed {SEED}: {outcome.problems}"


def test_a_wrong_pass_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes y - x for x - y."""

    def apply(sink: Node, target: Target) -> list[Node]:
        wrong = {n: n.replace(n.src[::-1]) for n in order_of(sink)
                 if n.op is Op.SUB and n.dtype is not dtypes.index}  # fmt: skip
        return [substitute(sink, wrong)]

    passes = list(compiler.PASSES)
    place = [step.name for step in passes].index("optimize")
    passes[place] = replace(passes[place], apply=apply)
    monkeypatch.setattr(compiler, "PASSES", tuple(passes))
    named = [
        problem.op for k in range(COUNT)
        for problem in judge_kernel(drawn(expressions, k), TARGETS[:1]).problems
    ]  # fmt: skip
    assert named and set(named) == {"optimize"}


def test_wrong_index_arithmetic_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotients of negative numbers that are rounded towards zero."""
    monkeypatch.setattr(narrow, "_is_plain", lambda node: True)
    found = [
        problem for k in range(COUNT)
        for problem in judge_kernel(drawn(addresses, k), TARGETS[:1]).problems
    ]  # fmt: skip
    assert {problem.op for problem in found} == {"narrow addresses"}


def test_a_wrong_device_is_seen() -> None:
    with faults.planted("WRONG_KERNELS", skips=faults.skips_xor) as name:
        found = [
            problem for k in range(COUNT)
            for problem in judge_kernel(drawn(expressions, k), (), (name,)).problems
        ]  # fmt: skip
    assert {(problem.kind, problem.devices) for problem in found} == {("bits", (name,))}


def test_a_pass_that_raises_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def apply(sink: Node, target: Target) -> list[Node]:
        raise RuntimeError("no way")

    passes = list(compiler.PASSES)
    passes[3] = replace(passes[3], apply=apply)
    monkeypatch.setattr(compiler, "PASSES", tuple(passes))
    (found,) = judge_kernel(drawn(expressions, 0), TARGETS[:1]).problems
    assert found.kind == "error"
    assert "after 'decompose functions': scalar: RuntimeError: no way" in found.text
