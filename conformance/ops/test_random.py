"""Random numbers: what a seed gives, on every device."""

import math
from collections.abc import Callable, Sequence
from itertools import permutations

import pytest

from conformance.harness.devices import under_test
from conformance.harness.suite import CatalogCells
from engine import Tensor

DEVICES = [device.name for device in under_test() if device.subject is not None]


@pytest.mark.catalog("random")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()


@pytest.mark.parametrize("device", DEVICES)
def test_every_call_advances_by_what_it_draws(device: str) -> None:
    """Two calls are one longer call, whichever is computed first."""
    Tensor.manual_seed(11)
    whole = Tensor.rand(20, device=device).tolist()
    Tensor.manual_seed(11)
    first, second = Tensor.rand(8, device=device), Tensor.rand(12, device=device)
    assert second.tolist() == whole[8:]
    assert first.tolist() == whole[:8]


@pytest.mark.parametrize("device", DEVICES)
def test_a_seed_starts_anew(device: str) -> None:
    Tensor.manual_seed(5)
    once = (Tensor.randn(3, device=device).tolist(), Tensor.randint(4, device=device).tolist())
    Tensor.manual_seed(5)
    again = (Tensor.randn(3, device=device).tolist(), Tensor.randint(4, device=device).tolist())
    assert once == again
    assert Tensor.randn(3, device=device).tolist() != once[0]


def test_devices_have_streams_of_their_own() -> None:
    """What one device draws does not move another's counter."""
    Tensor.manual_seed(3)
    first = [Tensor.rand(4, device=device).tolist() for device in DEVICES]
    assert first == [first[0]] * len(DEVICES)


def test_dropout_drops_while_training() -> None:
    x = Tensor.ones(1000)
    assert x.dropout(0.5).node is x.node, "nothing is drawn, and nothing computed"
    Tensor.training = True
    try:
        Tensor.manual_seed(1)
        kept = x.dropout(0.25).tolist()
    finally:
        Tensor.training = False
    assert set(kept) == {0.0, Tensor(1 / 0.75).item()}
    assert 0.7 < sum(value != 0 for value in kept) / 1000 < 0.8


def test_drawing_again_compiles_nothing() -> None:
    from engine.counters import GlobalCounters

    Tensor.rand(31).tolist()
    before = GlobalCounters.schedule_misses
    Tensor.rand(31).tolist()
    assert GlobalCounters.schedule_misses == before


def _near(counts: Sequence[int], chances: Sequence[float]) -> bool:
    """Whether each count is within five deviations of what its chance lets expect."""
    total = sum(counts)
    return all(
        abs(count - total * p) <= 5 * math.sqrt(total * p * (1 - p))
        for count, p in zip(counts, chances, strict=True)
    )


WEIGHTS = (1, 2, 0, 3, 4)


def test_places_are_as_frequent_as_their_weights() -> None:
    Tensor.manual_seed(21)
    chances = [w / sum(WEIGHTS) for w in WEIGHTS]
    many = Tensor(list(WEIGHTS)).multinomial(20_000, replacement=True).tolist()
    assert _near([many.count(k) for k in range(5)], chances)
    rows = Tensor(list(WEIGHTS)).expand((20_000, 5)).multinomial().tolist()
    assert _near([rows.count([k]) for k in range(5)], chances)


def test_weights_whose_sum_overflows() -> None:
    Tensor.manual_seed(24)
    drawn = Tensor([1e308] * 4, dtype="float64").multinomial(64, replacement=True).tolist()
    assert set(drawn) == {0, 1, 2, 3}


def test_without_replacement_a_pair_is_as_frequent_as_it_must_be() -> None:
    """First i with chance w_i / sum, then j with w_j / (sum - w_i)."""
    Tensor.manual_seed(22)
    drawn = Tensor(list(WEIGHTS)).expand((20_000, 5)).multinomial(2).tolist()
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    assert all(i != j for i, j in drawn)
    total = sum(WEIGHTS)
    chances = [WEIGHTS[i] / total * WEIGHTS[j] / (total - WEIGHTS[i]) for i, j in pairs]
    assert _near([drawn.count([i, j]) for i, j in pairs], chances)


def test_all_permutations_are_equally_frequent() -> None:
    Tensor.manual_seed(23)
    drawn = [tuple(Tensor.randperm(3).tolist()) for _ in range(600)]
    assert _near([drawn.count(one) for one in permutations(range(3))], [1 / 6] * 6)
    assert sorted(Tensor.randperm(5000).tolist()) == list(range(5000))


@pytest.mark.parametrize("device", DEVICES)
def test_draws_of_places_advance_by_a_block_a_number(device: str) -> None:
    """Whatever was drawn, the next number is that after as many blocks."""
    weights = Tensor([[1.0, 2.0, 3.0]] * 2, device=device)
    draws: list[tuple[int, Callable[[], Tensor]]] = [
        (6, lambda: weights.multinomial(3, replacement=True)), (6, lambda: weights.multinomial(2)),
        (2, weights.multinomial),
        (7, lambda: Tensor.randperm(7, device=device, dtype="float16")),
    ]  # fmt: skip
    for blocks, draw in draws:
        Tensor.manual_seed(9)
        Tensor.rand(blocks, dtype="float64", device=device)
        want = Tensor.rand(1, device=device).item()
        Tensor.manual_seed(9)
        draw()
        assert Tensor.rand(1, device=device).item() == want
