"""The speed of single operators, as fractions of another library's, and how their cost grows.

What each is compared with runs in the same process, alternating, each after a rest. Costs are
measured at three sizes: the time for one result must not grow faster than the operator's order
allows.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

DEVICE = "LLVM"
MILLION = 1 << 20
SIZES = (1 << 16, 1 << 18, 1 << 20)
REST = 0.1  # seconds; the threads of numpy's BLAS spin for a quarter of that after each product
Run = Callable[[], object]


@dataclass(frozen=True)
class Figure:
    """One measured number.  `met` is None where there is no limit."""

    name: str
    value: float
    unit: str
    limit: str = ""
    met: bool | None = None
    note: str = ""


def limited(name: str, value: float, unit: str, limit: float, note: str = "") -> Figure:
    """A figure that must not exceed its limit."""
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit, note)


def wanted(name: str, value: float, unit: str, limit: float, note: str = "") -> Figure:
    """A figure that must reach its limit."""
    return Figure(name, value, unit, f">= {limit:g}", value >= limit, note)


def median_time(run: Run, repeats: int) -> float:
    """Median seconds of `run`."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def alternating(first: Run, second: Run, repeats: int) -> tuple[float, float]:
    """Median seconds of both, measured in turn.

    Before each the process rests: helper threads of libraries wait for more work by spinning, and
    would take a core from whoever comes next.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for run, found in zip((first, second), times):
            time.sleep(REST)
            started = time.perf_counter()
            run()
            found.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


def on_device(array: np.ndarray[Any, Any]) -> Any:
    """The array as a tensor in memory."""
    from engine import Tensor

    return Tensor(array, device=DEVICE).realize()


def fraction(name: str, ours: Run, theirs: Run, limit: float, repeats: int = 9) -> Figure:
    """Our speed as a fraction of theirs; the first run of each compiles or warms up."""
    ours()
    theirs()
    mine, other = alternating(ours, theirs, repeats)
    return wanted(name, other / mine, "x", limit, f"{mine * 1e3:.1f} ms")


# -- against other libraries -----------------------------------------------------------------------
def matrix_products() -> list[Figure]:
    """1024³ float32."""
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal((1024, 1024), dtype=np.float32) for _ in range(2))
    x, y = on_device(a), on_device(b)

    def ours() -> None:
        (x @ y).realize()

    return [fraction("1024³ matmul / numpy", ours, lambda: a @ b, 0.3)]


def indexing() -> list[Figure]:
    """Reads at a million random places, and a million numbers in order."""
    rng = np.random.default_rng(4)
    data = rng.standard_normal(MILLION, dtype=np.float32)
    places = rng.integers(0, MILLION, MILLION).astype(np.int32)
    x, i = on_device(data), on_device(places)
    wide = places.astype(np.int64)

    def gathered() -> None:
        x[i].realize()

    def in_order() -> None:
        x.sort()[0].realize()

    return [
        fraction("1 M gather / numpy", gathered, lambda: data[wide], 0.5, 21),
        fraction("1 M sort / numpy", in_order, lambda: np.sort(data), 0.05, 15),
    ]


def convolution(size: int) -> Run:
    """A 3×3 convolution of 64 channels on size × size, ready to run."""
    image, weight = _image_and_weight(size)
    x, w = on_device(image), on_device(weight)

    def run() -> None:
        x.conv2d(w, padding=1).realize()

    run()
    return run


def _image_and_weight(size: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(2)
    image = rng.standard_normal((1, 64, size, size), dtype=np.float32)
    return image, rng.standard_normal((64, 64, 3, 3), dtype=np.float32)


def convolutions() -> list[Figure]:
    """Three sizes, how the time for a result grows, and torch where it is installed."""
    runs = {size: convolution(size) for size in (28, 56, 112)}
    times = {size: median_time(run, 9) for size, run in runs.items()}
    figures = [Figure(f"3x3 of 64 channels on {n}", t * 1e3, "ms") for n, t in times.items()]
    growth = times[112] / times[28] / 16
    figures.append(limited("convolution, time a result at 112 / 28", growth, "x", 2.0))
    try:
        import torch
    except ImportError:
        remedy = "not run: torch is missing; pip install lockstep-tensor[torch]"
        return [*figures, Figure("3x3 on 56 / torch", float("nan"), "x", ">= 0.15", None, remedy)]
    image, weight = (torch.from_numpy(array) for array in _image_and_weight(56))

    def theirs() -> None:
        torch.nn.functional.conv2d(image, weight, padding=1)

    return [*figures, fraction("3x3 on 56 / torch", runs[56], theirs, 0.15, 15)]


# -- growth ----------------------------------------------------------------------------------------
def _gather(x: Any, i: Any) -> Any:
    return x[i]


def _sort(x: Any, i: Any) -> Any:
    return x.sort()[0]


def _scan(x: Any, i: Any) -> Any:
    return x.cumsum(0)


def _scatter(x: Any, i: Any) -> Any:
    return x.scatter_reduce(0, i, x, reduce="sum")


# operator, and what the time for a result may grow by while the size grows sixteenfold: memory
# that no cache holds costs every one of them; a sort also has 20 rounds instead of 16
_GROWING: tuple[tuple[str, Callable[[Any, Any], Any], float], ...] = (
    ("gather", _gather, 6.0), ("sort", _sort, 3.0), ("cumsum", _scan, 4.0),
    ("scatter_reduce", _scatter, 6.0),
)  # fmt: skip


def growth() -> list[Figure]:
    """Times at three sizes, and of one result at the largest against the smallest."""
    rng = np.random.default_rng(5)
    figures = []
    for name, operator, limit in _GROWING:
        times = []
        for size in SIZES:
            x = on_device(rng.standard_normal(size, dtype=np.float32))
            i = on_device(rng.integers(0, size, size).astype(np.int32))
            operator(x, i).realize()
            seconds = median_time(lambda x=x, i=i, f=operator: f(x, i).realize(), 7)  # type: ignore[misc]
            times.append(seconds)
            figures.append(Figure(f"{name} of {size >> 10} K", seconds * 1e3, "ms"))
        ratio = times[-1] / times[0] / (SIZES[-1] / SIZES[0])
        title = f"{name}, time a result at {SIZES[-1] >> 10} K / {SIZES[0] >> 10} K"
        figures.append(limited(title, ratio, "x", limit))
    return figures
