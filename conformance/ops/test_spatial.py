"""Pooling and interpolation: windows of every kind, one to three axes, modes and sizes."""

import pytest

from conformance.harness.suite import CatalogCells


@pytest.mark.catalog("spatial")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()
