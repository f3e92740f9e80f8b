"""Factorisations: their properties, by the judge of backward error and on larger matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.harness.devices import under_test
from conformance.harness.suite import CatalogCells
from engine import Tensor
from engine.compile import compile_kernel
from oracles.accept import judge
from oracles.formats import Array

DEVICES = [device.name for device in under_test() if device.subject is not None]
COMPILED = [name for name in DEVICES if name != "PYTHON"]


@pytest.mark.catalog("factorisation")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()


def _spread(rng: np.random.Generator, values: Array) -> Array:
    """A matrix with these singular values."""
    size = values.size
    left, right = (np.linalg.qr(rng.standard_normal((size, size)))[0] for _ in range(2))
    return np.asarray((left * values) @ right)


def _hard(size: int) -> Array:
    """Matrices on which rotations converge slowly, or that have lost their rank."""
    rng = np.random.default_rng(8)
    down, across = np.indices((size, size))
    made = [
        1 / (down + across + 1.0), np.minimum(down, across) + 1.0, np.triu(np.ones((size, size))),
        2.0 * size - np.maximum(down, across), np.ones((size, size)), np.zeros((size, size)),
        np.triu(np.where(down == across, 1.0, -0.9)) * 0.4359**down,
        rng.standard_normal((size, size)) * np.exp2(-down), rng.standard_normal((size, size)),
        rng.standard_normal((size, 2)) @ rng.standard_normal((2, size)),
        _spread(rng, np.logspace(0, -12, size)), _spread(rng, 1 + 1e-4 * np.arange(size)),
        _spread(rng, np.where(np.arange(size) < size // 2, 1, 1e-3)), np.eye(size)[::-1],
    ]  # fmt: skip
    return np.array(made)


def _results(op: str, x: Array, device: str) -> list[Array]:
    parts = getattr(Tensor(x, device=device), op)()
    parts[0].realize(*parts[1:])
    return [part.numpy() for part in parts]


def _judge(op: str, x: Array, parts: list[Array]) -> None:
    for k, part in enumerate(parts):
        beside = {n: other for n, other in enumerate(parts) if n != k}
        judged = judge(op, [x], {"output": k}, part, beside=beside)
        assert judged.passed, judged.certificate(int(np.flatnonzero(~judged.ok)[0])).text()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ["qr", "svd"])
def test_hard_matrices(op: str, dtype: str) -> None:
    """With the sweeps that their size is given; the same bits on the devices that are compiled."""
    x = _hard(12).astype(dtype)
    found = [_results(op, x, device) for device in COMPILED]
    _judge(op, x, found[0])
    for other in found[1:]:
        assert [part.tobytes() for part in other] == [part.tobytes() for part in found[0]]


@pytest.mark.parametrize("op", ["qr", "svd"])
@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
def test_elements_of_extreme_size(op: str, shape: tuple[int, int]) -> None:
    """Squares of these overflow, or are nothing; what is scaled is not."""
    rng = np.random.default_rng(9)
    plain = rng.standard_normal((4, *shape))
    sizes = np.array([1e37, 1e-37, 1e-43, 1.0])[:, None, None]
    x = (plain * sizes).astype(np.float32)
    x[3] = (plain[3] * np.exp2(rng.integers(-120, 120, shape[1]))).astype(np.float32)
    _judge(op, x, _results(op, x, DEVICES[0]))


def test_each_column_of_qr_has_its_own_scale() -> None:
    """R of columns times powers of two is R times these, bit for bit; Q is the same."""
    x = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
    scale = np.exp2(np.array([-100, 60, 0, 30], np.float32))
    (q, r), (other, scaled) = (_results("qr", one, DEVICES[0]) for one in (x, x * scale))
    assert q.tobytes() == other.tobytes()
    assert (r * scale).tobytes() == scaled.tobytes()


@pytest.mark.parametrize("device", DEVICES)
def test_a_triangle_is_its_own_r(device: str) -> None:
    """Nothing below the diagonal is nothing to reflect: signs stay, also of the diagonal."""
    x = np.triu(np.random.default_rng(2).standard_normal((4, 4)).astype(np.float32))
    q, r = _results("qr", x, device)
    assert q.tobytes() == np.eye(4, dtype=np.float32).tobytes()
    assert r.tobytes() == x.tobytes()


def test_thin_factors_are_parts_of_the_full_ones() -> None:
    x = Tensor(np.random.default_rng(3).standard_normal((2, 5, 3)).astype(np.float32))
    u, s, v = (part.numpy() for part in x.svd())
    thin = [part.numpy() for part in x.svd(full_matrices=False)]
    assert [part.tobytes() for part in thin] == [u[..., :3].tobytes(), s.tobytes(), v.tobytes()]


def test_a_polynomial_makes_singular_values_one() -> None:
    x = Tensor(np.random.default_rng(4).standard_normal((3, 6, 4)).astype(np.float32))
    values = x.newton_schulz(30, (1.5, -0.5)).svd()[1].numpy()
    assert np.abs(values - 1).max() < 1e-6


@pytest.mark.parametrize("op", ["qr", "svd"])
def test_steps_share_their_kernels(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger matrices take more steps, and compile no more than smaller ones."""
    compiled: list[str] = []

    def counted(outputs: Any, target: Any, name: str, variables: Any) -> Any:
        compiled.append(name)
        return compile_kernel(outputs, target, name, variables)

    monkeypatch.setattr("engine.realize.compile_kernel", counted)
    counts = []
    for size in (7, 11):
        before = len(compiled)
        _results(op, np.ones((size, size + 1), np.float32), DEVICES[0])
        counts.append(len(compiled) - before)
    assert 0 < counts[1] <= counts[0] + 2
