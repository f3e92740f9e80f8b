"""Products of matrices and what is made of them."""

from __future__ import annotations

from oracles.catalog.row import ALL, NANS, SEQUENTIAL, WRAP, Exactness, OpRow

_SKIPPED = "a padded or inserted position keeps its number, and its product is +0"
_BIAS = "the bias is added in the accumulator, then one rounding"


def _contraction(
    name: str, formula: str, *special: str, operands: int = 2, attributes: tuple[str, ...] = (),
    defaults: dict[str, object] | None = None, **more: object,
) -> OpRow:
    """A row of sums of products in Order(1, 256); `more` are further fields of the row."""
    return OpRow(
        name=name, family="matmul", dtypes=(ALL,) * operands, common=tuple(range(operands)),
        result="contracted", exactness=Exactness.ORDERED, order=SEQUENTIAL, formula=formula,
        attributes=(*attributes, "dtype"), defaults={**(defaults or {}), "dtype": None},
        special=(NANS, WRAP, *special), references=("numpy", "torch", "exact"),
        **more,  # type: ignore[arg-type]
    )


_WINDOWS: dict[str, object] = {"groups": 1, "stride": 1, "dilation": 1, "padding": 0}

ROWS = (
    _contraction(
        "matmul", "sum over k of round(x[..., i, k] * y[..., k, j]) in Order(1, 256)"
    ),
    _contraction(
        "einsum",
        "products from left to right, each rounded; then the sum over what the result does not "
        "name, axes in the order of their first appearance, in Order(1, 256)",
        "without a sum the products are the result",
        operands=1, variadic=True, attributes=("formula",),
    ),
    _contraction(
        "linear", "x @ weight + bias; a weight of one axis multiplies elements", _BIAS,
        operands=3, optional=1,
    ),
    _contraction(
        "conv2d", "sum over (channel, window) of round(x * weight) in Order(1, 256), plus bias",
        _SKIPPED, _BIAS, operands=3, optional=1, attributes=tuple(_WINDOWS), defaults=_WINDOWS,
    ),
    _contraction(
        "conv_transpose2d",
        "conv2d of x with stride - 1 positions inserted, and of the flipped weights",
        _SKIPPED, _BIAS, operands=3, optional=1, attributes=(*_WINDOWS, "output_padding"),
        defaults={**_WINDOWS, "output_padding": 0},
    ),
)  # fmt: skip
