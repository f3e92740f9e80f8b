"""Movement: the same elements elsewhere, bits kept, NaN payloads too."""

from __future__ import annotations

from oracles.catalog.row import ALL, OpRow


def movement(
    name: str, attributes: tuple[str, ...], formula: str, *special: str, **more: object
) -> OpRow:
    """A row of one operand that moves bits; `more` are further fields of the row."""
    return OpRow(
        name=name, family="movement", dtypes=(ALL,), attributes=attributes, formula=formula,
        computing=False, special=("bits are kept, NaN payloads too", *special),
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


ROWS = (
    movement("reshape", ("shape",), "row-major reshape; one extent may be -1"),
    movement("permute", ("order",), "axes in another order"),
    movement("expand", ("shape",), "broadcast to shape; -1 keeps an extent"),
    movement(
        "pad", ("padding", "value"), "value around x, (before, after) per axis",
        defaults={"value": 0},
    ),
    movement("shrink", ("arg",), "x[lo:hi] per axis"),
    movement("flip", ("axis",), "reversed along the axes"),
)  # fmt: skip
