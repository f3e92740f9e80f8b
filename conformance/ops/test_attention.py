"""Attention: masks, causality, heads that share keys, nothing to see."""

import pytest

from conformance.harness.suite import CatalogCells


@pytest.mark.catalog("attention")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()
