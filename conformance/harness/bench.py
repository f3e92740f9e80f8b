"""`lockstep bench`: the figures that the project promises, as medians.

Ratios compare with numpy in the same process, alternating, with a preallocated output, so that the
machine's mood meets both alike.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.harness.speed import (
    DEVICE,
    Figure,
    alternating,
    convolutions,
    growth,
    indexing,
    limited,
    matrix_products,
    wanted,
)

LARGE = 1 << 24
NODES = (1000, 2000, 4000, 8000)
WRITES = 2000
FORBIDDEN = ("numpy", "torch", "hypothesis", "llvmlite", "engine.backends.llvm")


def import_time() -> list[Figure]:
    """`import engine` in a new interpreter, less the start of the interpreter."""
    code = (
        "import time, sys; t = time.perf_counter(); import engine; "
        "t = time.perf_counter() - t; "
        f"print(t, *[m for m in {FORBIDDEN!r} if m in sys.modules])"
    )
    times, loaded = [], set()
    for _ in range(7):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              check=True)  # fmt: skip
        seconds, *names = done.stdout.split()
        times.append(float(seconds))
        loaded.update(names)
    note = f"loads {', '.join(sorted(loaded))}" if loaded else "loads no library, no backend"
    figure = limited("import engine", statistics.median(times), "s", 0.15, note)
    return [replace(figure, met=False) if loaded else figure]


def small_kernels() -> list[Figure]:
    """16 elements: a program never seen before, and one whose schedule is cached."""
    from engine import Tensor

    data = np.arange(16, dtype=np.float32).tobytes()
    stamp = time.time_ns() % 1_000_003

    def fresh(number: int) -> float:
        x = Tensor.from_bytes(data, "float32", (16,), DEVICE)
        started = time.perf_counter()
        ((x * float(number)) + float(number + 1)).tobytes()
        return time.perf_counter() - started

    fresh(stamp)  # starts the backend
    new = statistics.median(fresh(stamp + 7 * k) for k in range(1, 32))
    cached = statistics.median(fresh(stamp) for _ in range(200))
    return [
        limited("16 elements, new kernel", new * 1e3, "ms", 8.0),
        limited("16 elements, from cache", cached * 1e3, "ms", 0.4),
    ]


EVERY_FUNCTION = (
    "sin", "cos", "tan", "exp", "log", "tanh", "erf", "asin", "atan", "sinh", "log1p", "expm1",
)


def emulated() -> list[Figure]:
    """The first run of float64 functions on a device of 32-bit integers: passes and compiler.

    There are few elements, so that running takes no part in it.
    """
    from engine import Tensor
    from engine.context import Context

    data = np.ones(64, dtype=np.float64).tobytes()
    stamp = time.time_ns() % 1_000_003

    def fresh(names: Sequence[str], number: int) -> float:
        x = Tensor.from_bytes(data, "float64", (64,), DEVICE)
        started = time.perf_counter()
        y = x * float(number)
        for name in names:
            y = getattr(y, name)()
        (x**y).tobytes()
        return time.perf_counter() - started

    figures = []
    with Context(EMULATE="float64,int64"):
        fresh((), stamp)  # starts the backend
        for title, names in (("power", ()), (f"{len(EVERY_FUNCTION) + 1} functions in one kernel",
                                             EVERY_FUNCTION)):
            seconds = statistics.median(fresh(names, stamp + 11 * k) for k in range(1, 4))
            figures.append(limited(f"emulated float64, {title}", seconds, "s", 1.5))
    return figures


def large_arrays() -> list[Figure]:
    """16 M float32: add and sum, as fractions of numpy's speed."""
    from engine import Tensor

    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(LARGE, dtype=np.float32) for _ in range(2))
    out = np.empty_like(a)
    x, y = (Tensor.from_bytes(v.tobytes(), "float32", (LARGE,), DEVICE).realize() for v in (a, b))

    def add() -> None:
        (x + y).realize()

    def add_numpy() -> None:
        np.add(a, b, out=out)

    def total() -> None:
        x.sum().realize()

    def total_numpy() -> None:
        a.sum()

    ours, theirs = alternating(add, add_numpy, 9)
    ours_sum, theirs_sum = alternating(total, total_numpy, 9)
    return [
        wanted("16 M add / numpy", theirs / ours, "x", 0.8, f"{ours * 1e3:.1f} ms"),
        wanted("16 M sum / numpy", theirs_sum / ours_sum, "x", 0.8, f"{ours_sum * 1e3:.1f} ms"),
    ]


def scheduling() -> list[Figure]:
    """Seconds to build, schedule and run graphs of n nodes once, with nothing cached."""
    per_node = []
    figures = []
    _schedule(NODES[0], 99)  # imports
    for count in NODES:
        seconds = statistics.median(_schedule(count, salt) for salt in range(3))
        per_node.append(seconds / count)
        figures.append(Figure(f"schedule {count} nodes", seconds * 1e3, "ms"))
    growth = per_node[-1] / per_node[0]
    figures.append(limited("schedule, time a node at 8k / 1k", growth, "x", 1.6, "1 is linear"))
    return figures


def _schedule(count: int, salt: int) -> float:
    """A chain of alternating operations over two buffers, cut by a reduction every 20 nodes."""
    from engine import Tensor
    from engine.backends.registry import backend
    from engine.realize import resolved_roots, structure
    from engine.schedule import make_schedule

    data = np.ones(64, dtype=np.float32).tobytes()
    x = Tensor.from_bytes(data, "float32", (8, 8), DEVICE)
    y = x
    for k in range(count // 2):
        y = y + x if k % 2 else y * float(k + 2 + salt)
        if k % 10 == 9:
            y = y.sum(axis=1, keepdim=True) + x
    started = time.perf_counter()
    roots = resolved_roots([y.node])
    holes = structure(roots).holes
    make_schedule(roots, holes, lambda name: backend(name).target, DEVICE, share_memory=True)
    return time.perf_counter() - started


def writing() -> list[Figure]:
    """Seconds to write slices to a tensor of a million elements, of which nothing is computed."""
    from engine import Tensor

    x = Tensor.zeros(1_000_000, device=DEVICE).contiguous().realize()

    def build() -> float:
        written = x.clone()
        started = time.process_time()
        for k in range(WRITES):
            written[3 * k : 3 * k + 2] = 1.0
        return time.process_time() - started

    build()  # imports
    seconds = statistics.median(build() for _ in range(3))
    return [limited(f"build {WRITES} writes", seconds * 1e3, "ms", 200, "processor time")]


def judged() -> list[Figure]:
    """Elements run on the device and judged by the oracles, in processor seconds."""
    from conformance.harness import plan
    from conformance.harness.check import Check
    from conformance.harness.devices import under_test

    ops = ("add", "mul", "div", "sqrt", "maximum", "lt", "bitwise_xor", "cast", "neg")
    targets = [
        (op, names) for op, names in plan.selected(ops)
        if op in ("cast", "neg", "sqrt") or len(set(names)) == 1
    ]  # fmt: skip
    rates = []
    for _ in range(3):
        check = Check(under_test([DEVICE], full=False), targets)
        started = time.process_time()
        check.run()
        elements = sum(cell.elements for cell in check.cells)
        rates.append(elements / (time.process_time() - started) / 1e6)
    note = f"{elements:,} elements of {len(ops)} operators; the first of three runs compiles"
    return [wanted("judged elements", statistics.median(rates), "M/s/core", 5.0, note)]


FIGURES: dict[str, Callable[[], list[Figure]]] = {
    "import": import_time,
    "small": small_kernels,
    "emulated": emulated,
    "large": large_arrays,
    "matmul": matrix_products,
    "index": indexing,
    "conv": convolutions,
    "growth": growth,
    "schedule": scheduling,
    "writing": writing,
    "judged": judged,
}


def run_bench(names: Sequence[str], as_json: bool, console: Console, started: float) -> int:
    """Measure, print; 1 where a limit is missed."""
    figures = [(name, figure) for name in names for figure in FIGURES[name]()]
    seconds = time.monotonic() - started
    if as_json:
        rows = [{"group": name, **asdict(figure)} for name, figure in figures]
        body = {"version": 1, "seconds": seconds, "figures": rows}
        sys.stdout.write(json.dumps(body) + "\n")
    else:
        table = Table()
        for title in ("group", "figure", "median", "unit", "limit", "", "note"):
            table.add_column(title)
        for name, figure in figures:
            mark = "" if figure.met is None else "met" if figure.met else "[red]missed[/]"
            unit, limit, note = map(escape, (figure.unit, figure.limit, figure.note))
            table.add_row(name, figure.name, f"{figure.value:.4g}", unit, limit, mark, note)
        console.print(table)
    return int(any(figure.met is False for _, figure in figures))
