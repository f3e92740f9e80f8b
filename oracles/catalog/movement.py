"""Movement: the same elements elsewhere, bits kept, NaN payloads too."""

from __future__ import annotations

from oracles.catalog.row import ALL, NUMBERS, OpRow


def movement(
    name: str, attributes: tuple[str, ...], formula: str, *special: str, **more: object
) -> OpRow:
    """A row of one operand that moves bits; `more` are further fields of the row."""
    fields: dict[str, object] = {"dtypes": (ALL,), **more}
    return OpRow(
        name=name, family="movement", attributes=attributes, formula=formula, computing=False,
        special=("bits are kept, NaN payloads too", *special),
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip


PARTS = 8
"""The results of a row with as many as it is asked for: the most that a statement names."""


def joining(name: str, formula: str, *special: str, **more: object) -> OpRow:
    """A row of one tensor or several."""
    return OpRow(
        name=name, family="movement", dtypes=(ALL,), variadic=True, formula=formula,
        computing=False, special=special, **more,  # type: ignore[arg-type]
    )  # fmt: skip


ROWS = (
    movement("reshape", ("shape",), "row-major reshape; one extent may be -1"),
    movement("permute", ("order",), "axes in another order"),
    movement("expand", ("shape",), "broadcast to shape; -1 keeps an extent"),
    movement(
        "pad", ("padding", "mode", "value"),
        "elements around x, (before, after) per axis; negative amounts cut off, first of all",
        "constant adds value; reflect mirrors at the end elements; replicate repeats them; "
        "circular goes on from the other end",
        defaults={"value": 0, "mode": "constant"},
    ),
    movement(
        "pad_to", ("shape", "value"), "value behind x up to shape; None keeps an extent",
        defaults={"value": 0},
    ),
    movement("shrink", ("arg",), "x[lo:hi] per axis"),
    movement("shrink_to", ("shape",), "x[:n] per axis; None keeps an extent"),
    movement("flip", ("axis",), "reversed along the axes"),
    movement(
        "bitcast", ("dtype",), "the same bits read as another dtype",
        "another width changes the last axis, low bits first", "the last axis must divide",
        dtypes=(NUMBERS,), result="requested", no_gradient="bits have no derivative",
    ),
    movement("repeat", ("repeats",), "x again and again along each axis, new axes in front"),
    movement(
        "repeat_interleave", ("repeats", "dim"), "each element repeated before the next",
        "without an axis x is flattened", defaults={"dim": None},
    ),
    movement(
        "roll", ("shifts", "dims"), "moved up along axes, around the end",
        "without axes x is rolled as if flattened", defaults={"dims": None},
    ),
    movement(
        "unfold", ("dim", "size", "step"),
        "windows of size elements, step apart: the axis counts them, a last axis has them",
    ),
    movement(
        "diagonal", ("offset", "dim1", "dim2"), "x[..., i, i + offset], as a last axis",
        defaults={"offset": 0, "dim1": 0, "dim2": 1},
    ),
    movement("diag", (), "a vector as a diagonal among zeros; of a matrix its diagonal"),
    movement(
        "tril", ("diagonal",), "x where column <= row + diagonal, else 0",
        defaults={"diagonal": 0},
    ),
    movement(
        "triu", ("diagonal",), "x where column >= row + diagonal, else 0",
        defaults={"diagonal": 0},
    ),
    movement(
        "rearrange", ("formula", "sizes"), "reshape, permute, reshape by a formula (einops)",
        defaults={"sizes": ()}, references=("numpy",),
    ),
    movement(
        "split", ("sizes", "dim"), "parts of a size or of the sizes listed",
        defaults={"dim": 0}, outputs=PARTS, result=("first",) * PARTS,
    ),
    movement(
        "chunk", ("chunks", "dim"), "parts of ceil(extent / chunks) elements",
        defaults={"dim": 0}, outputs=PARTS, result=("first",) * PARTS,
    ),
    joining(
        "cat", "one behind the other along an axis, in the common dtype", "a cast is a cast",
        attributes=("dim",), defaults={"dim": 0}, common=(0,), result="common",
    ),
    joining(
        "stack", "side by side along a new axis, in the common dtype", "a cast is a cast",
        attributes=("dim",), defaults={"dim": 0}, common=(0,), result="common",
    ),
    joining(
        "meshgrid", "x[k] along axis k, repeated along the others",
        "indexing xy swaps the first two axes", attributes=("indexing",),
        defaults={"indexing": "ij"}, outputs=PARTS, result=("named",) * PARTS,
    ),
)  # fmt: skip
