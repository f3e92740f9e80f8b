"""Norms: lengths around lanes, axes, degrees, scales of channels."""

import pytest

from conformance.harness.suite import CatalogCells


@pytest.mark.catalog("norm")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()
