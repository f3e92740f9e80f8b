"""The pages on operators, made from the catalog: one for each group of rows, and an index.

Nothing on them is written by hand, so they say what is judged. The same catalog gives the same
text: edge results are those of the reference, never of a device.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from conformance.harness import plan
from conformance.harness.plans.elementwise import is_elementwise
from engine import Tensor
from oracles import numpy_ref, torch_ref
from oracles.accept import Judgement
from oracles.case import Case
from oracles.catalog import ALL, BOOL, FLOATS, GROUPS, INTEGERS, NUMBERS, SIGNED, UNSIGNED
from oracles.catalog.row import Exactness, OpRow
from oracles.formats import FORMATS, Array
from oracles.promotion import SENTENCES
from oracles.torch_ref import domain as torch_domain

FOLDER = Path("docs/ops")
INDEX = "README.md"
EDGE_DTYPE = "float32"
_NARROW = tuple(name for name in FLOATS if FORMATS[name].bits < 32)
_TORCH_FLOATS = "floats but float8"
_TORCH = f"integers but uint16, uint32 and uint64; {_TORCH_FLOATS}"
_WORDS = {
    ALL: "all", NUMBERS: "integers, floats", INTEGERS: "integers", FLOATS: "floats", BOOL: "bool",
    SIGNED: "signed integers", UNSIGNED: "unsigned integers", INTEGERS + BOOL: "integers, bool",
    BOOL + INTEGERS: "bool, integers", BOOL + FLOATS: "bool, floats",
    torch_domain.ALL: f"bool, {_TORCH}", torch_domain.NUMBERS: _TORCH,
    torch_domain.INTEGERS: "integers but uint16, uint32 and uint64",
    torch_domain.FLOATS: _TORCH_FLOATS,
}  # fmt: skip
_LIMITS = np.finfo(np.float32)
EDGES: dict[str, float] = {
    "-inf": -np.inf, "-1": -1.0, "-0": -0.0, "0": 0.0,
    "smallest": float(_LIMITS.smallest_subnormal), "1": 1.0,
    "largest": float(_LIMITS.max), "inf": np.inf, "NaN": np.nan,
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Results at the edges: the operand or operands along the top and, if two, at the left."""

    head: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def pages() -> dict[str, str]:
    """The text of every page by file name."""
    made = {
        f"{group}.md": _rendered("ops.md.j2", group=group, rows=[facts(row) for row in rows])
        for group, rows in GROUPS.items()
    }
    return {INDEX: _rendered("ops_index.md.j2", groups=GROUPS), **made}


def stale(folder: Path) -> list[str]:
    """The files that are missing, differ from what the catalog gives, or have no group."""
    made = pages()
    found = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    return sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))


def write(folder: Path) -> list[str]:
    """Write the pages, remove those of groups that are gone; the files that changed."""
    changed = stale(folder)
    made = pages()
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in made:
            (folder / name).write_text(made[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


@cache
def _environment() -> Any:
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    made.filters["code"] = code
    made.filters["folded"] = folded
    return made


def _rendered(template: str, **named: Any) -> str:
    return str(_environment().get_template(template).render(**named))


def code(text: str) -> str:
    """Inline code: formulas hold `|` and `*`. In a table, bars are escaped there."""
    return f"`{text}`"


def folded(text: str) -> str:
    """Inline code as a paragraph of the width of a page; a line break in it is a blank."""
    return "\n".join(textwrap.wrap(code(text), 100, break_on_hyphens=False))


def facts(row: OpRow) -> dict[str, Any]:
    """What a page says about one row, by the names that the template uses."""
    return {
        "row": row,
        "signature": signature(row.name),
        "operands": [dtype_words(names) for names in row.dtypes],
        "result": results(row),
        "defaults": {name: f"{value!r}" for name, value in row.defaults.items()},
        "bounds": bound_words(row.bound_ulp),
        "torch": torch_words(row.name),
        "layouts": sorted(plan.layouts(row.name, plan.cells(row.name)[0])),
        "edges": edge_table(row),
    }


def signature(op: str) -> str:
    """How the method is called: parameters with their defaults, less the annotations."""
    if op == "getitem":
        return "tensor[index]"
    method = getattr(Tensor, op)
    parameters = inspect.signature(method).parameters.values()
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in parameters]
    first = bare[0].name if bare else ""
    receiver = "tensor" if first == "self" else "Tensor"
    listed = inspect.Signature(bare[1:] if first == "self" else bare)
    return f"{receiver}.{op}{listed}"


def bound_words(bounds: Mapping[str, float]) -> str:
    """Bounds by dtype; that of the narrow floats once, where they share it."""
    words = {name: f"{name} {bound:g}" for name, bound in bounds.items()}
    shared = {bounds[name] for name in _NARROW if name in bounds}
    if len(shared) == 1 and set(_NARROW) <= set(bounds):
        words = {name: word for name, word in words.items() if name not in _NARROW}
        words = {"": f"narrow floats {shared.pop():g}", **words}
    return ", ".join(words.values())


def dtype_words(names: Sequence[str]) -> str:
    """The dtypes of an operand, by the name of the group where they are one."""
    return _WORDS.get(tuple(names), ", ".join(names))


def results(row: OpRow) -> str:
    """The dtype of the result or results, in words."""
    rules = (row.result,) if isinstance(row.result, str) else row.result
    return "; ".join(SENTENCES[rule] for rule in rules)


def torch_words(op: str) -> str:
    """Where torch judges the row, how, and where or why not."""
    domain = torch_ref.DOMAINS[op]
    if domain.never is not None:
        return f"not asked: {domain.never}"
    compared = domain.comparison.value
    if domain.comparison is torch_domain.Comparison.ULPS:
        compared = f"within {domain.tolerance_ulp:g} ulp"
    words = [f"{dtype_words(domain.dtypes)}; compared by {compared}"]
    words += [f"not {dtype}: {reason}" for dtype, reason in sorted(domain.reasons.items())]
    for left_out in (*domain.excluded, domain.refuses):
        if left_out is not None and left_out.__doc__:
            words.append("not judged: " + " ".join(left_out.__doc__.split()).rstrip("."))
    return "; ".join(words)


def edge_table(row: OpRow) -> Table | None:
    """Results for float32 edges: elementwise rows of one or two floats with a float result."""
    dtypes = (EDGE_DTYPE,) * row.operands
    asked = is_elementwise(row.name) and row.operands in (1, 2) and row.is_plain
    if not asked or not row.accepts(dtypes) or row.variadic:
        return None
    if not FORMATS[row.result_dtype(dtypes, {})].is_float:
        return None
    edges = np.array(list(EDGES.values()), dtype=np.float32)
    if row.operands == 1:
        return Table(tuple(EDGES), (_cells(reference(row, [edges])),))
    grid = [np.ascontiguousarray(x) for x in np.meshgrid(edges, edges, indexing="ij")]
    values = reference(row, grid)
    lines = tuple((name, *_cells(line)) for name, line in zip(EDGES, values))
    return Table(tuple(EDGES), lines)


def reference(row: OpRow, operands: list[Array]) -> Array:
    """What the judge compares with; of formulas, the steps that the numpy reference takes."""
    with np.errstate(all="ignore"):
        if row.exactness is Exactness.COMPOSITE:
            return np.asarray(numpy_ref.evaluate(row.name, operands, {}))
        got = np.zeros_like(operands[0])
        return Judgement(Case(row.name, operands, {}, got), np.ones(got.shape, bool)).reference


def _cells(values: Array) -> tuple[str, ...]:
    return tuple(number(float(value)) for value in values)


def number(value: float) -> str:
    """A result by the name of its edge, or with six digits."""
    if np.isnan(value):
        return "NaN"
    for name, edge in EDGES.items():
        if value == edge and np.signbit(value) == np.signbit(edge):
            return name
        if value == -edge and name in ("smallest", "largest") and value < 0:
            return f"-{name}"
    return f"{value:.6g}"
