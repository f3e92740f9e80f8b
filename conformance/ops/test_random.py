"""Random numbers: what a seed gives, on every device."""

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
    assert x.dropout(0.5) is x
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
