"""Casts between all pairs of dtypes, and bitcasts between those of one width."""

import pytest

from conformance.harness.suite import CatalogCells


@pytest.mark.catalog("cast")
def test_conforms(catalog_cells: CatalogCells) -> None:
    """Every cell of the operator and dtype, on every device, and the same bits on all of them."""
    catalog_cells.judge()
