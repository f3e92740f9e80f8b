"""The suite, generated: catalog rows × dtypes × layouts of data.

`cells` lists the dtypes that each row is tried on, `batches` the programs of one cell.  The full
plan has every layout; the cover has `main` with all its edges and one other layout, rotated so that
every operator and every dtype meets every layout, and of many calls a share, rotated likewise. The
integers that a function of floats takes are cast first, and meet the cast and the edges alone.
Floats that are emulated everywhere by the rules of float16 meet a single call of each row in the
cover, on one of the devices or on all, in turn. Nothing else here depends on a device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from conformance.harness.build import part
from conformance.harness.calls import same_call
from conformance.harness.case import Case
from conformance.harness.draws import Generator, generator
from conformance.harness.plans import CELLS, LAYOUTS, elementwise
from conformance.harness.plans.elementwise import is_elementwise
from conformance.harness.plans.layouts import IN_TURN, Recipe, beside
from conformance.harness.subject import ReferenceSubject
from oracles.catalog import ALL, INTEGERS, ROWS, OpRow
from oracles.formats import FORMATS

SEED = 20240229
CONVERSIONS = ("cast", "bitcast")
CONVERTED = 3  # of so many cells that take turns and that add a cast, or are one, the cover has one
SHARE = 4  # calls of a layout in the cover; more are distributed over dtypes
Dtypes = tuple[str, ...]
# Promotions that round or overflow, on both sides of an operator.
ROUNDING_PAIRS = (
    ("int32", "float16"), ("float16", "uint64"), ("int64", "float32"), ("float32", "uint32"),
    ("uint64", "float64"), ("int64", "uint64"), ("uint64", "int8"),
)  # fmt: skip
Layout = tuple[Callable[[Generator], Case], tuple[str, ...]]


@dataclass(frozen=True)
class Batch:
    """One program of a cell.  Every output that `op` makes is judged."""

    op: str
    dtypes: Dtypes
    layout: str
    case: Case
    features: tuple[str, ...]


@cache
def cells(op: str) -> tuple[Dtypes, ...]:
    """The dtypes of the cells of a row.

    Casts and bitcasts name source and target, creation the dtype that is made, all others their
    operands: all equal ones, and a cover of the mixed ones.
    """
    row = ROWS[op]
    if op in CELLS:
        return CELLS[op]
    if op == "cast":
        return tuple((source, target) for source in ALL for target in ALL)
    if row.operands == 0:
        return tuple((name,) for name in ALL)
    if row.operands == 1:
        return tuple((name,) for name in row.dtypes[0])
    return tuple(dict.fromkeys(_equal(row) + _mixed(row)))


def cell_of(op: str, operands: Sequence[str], result: str) -> Dtypes:
    """The dtypes of the cell to which a statement belongs."""
    if op in ("cast", "bitcast"):
        return (operands[0], result)
    return tuple(operands) or (result,)


def _beside(row: OpRow, names: Sequence[str], turn: int) -> Dtypes:
    """A cell in which the promoted operands have these dtypes, the others theirs in turn."""
    shared = iter(names)
    dtypes = []
    for k in range(row.operands):
        if k in row.common:
            dtypes.append(next(shared))
        elif k:
            dtypes.append(beside(dtypes[0], row.allowed(k), turn + 3 * k))
        else:
            dtypes.append(row.allowed(k)[turn % len(row.allowed(k))])
    return tuple(dtypes)


def _equal(row: OpRow) -> list[Dtypes]:
    """Promoted operands of one dtype; without any, each operand's dtypes twice in turn."""
    if not row.common:
        most = max(len(allowed) for allowed in row.dtypes)
        turns = range(2 * most if len(row.dtypes) > 1 else most)
        return [_beside(row, (), turn + turn // most) for turn in turns]
    found = [_beside(row, (name,) * len(row.common), k) for k, name in enumerate(ALL)]
    return [dtypes for dtypes in found if row.accepts(dtypes)]


def _mixed(row: OpRow) -> list[Dtypes]:
    """Each dtype with two others, other ones in each row, so that the catalog has all pairs.

    Comparisons have every integer with those of the other sign.
    """
    rest = len(row.common) - 1
    if rest < 1:
        return []
    place = _with_pairs().index(row.name)
    always = [name for name in ALL if name not in IN_TURN]
    steps = [1 + (place + more) % (len(always) - 1) for more in (0, 4)]
    pairs = [
        (name, always[(k + step) % len(always)]) for k, name in enumerate(always) for step in steps
    ]
    pairs += ROUNDING_PAIRS
    pairs += [pair for k, name in enumerate(IN_TURN) for pair in _with_others(name, place + k)]
    if row.family == "compare":
        pairs += [(a, b) for a in INTEGERS for b in INTEGERS if FORMATS[a].kind != FORMATS[b].kind]
    found = [_beside(row, (a, *(b,) * rest), turn) for turn, (a, b) in enumerate(pairs)]
    return [dtypes for dtypes in found if row.accepts(dtypes)]


@cache
def _with_pairs() -> list[str]:
    """The rows that have cells of mixed dtypes."""
    return [op for op, row in ROWS.items() if op not in CELLS and len(row.common) > 1]


def _with_others(name: str, turn: int) -> list[tuple[str, str]]:
    """A dtype in front of one of the others, and behind another."""
    others = [other for other in ALL if other != name]
    return [(name, others[turn % len(others)]), (others[(turn + 5) % len(others)], name)]


def layouts(op: str, dtypes: Dtypes) -> dict[str, Layout]:
    """All layouts of a cell: how to make the program, and what it covers."""
    if not is_elementwise(op):
        return {name: (_shaped(recipe, op, dtypes), features)
                for name, (recipe, features) in LAYOUTS[op].items()}  # fmt: skip
    operands, variants = dtypes, ROWS[op].variants
    if op == "cast":
        operands, variants = dtypes[:1], ({"dtype": dtypes[1]},)
    variants = tuple(given for given in variants if ROWS[op].defined(operands, given))
    return {
        name: (partial(recipe, op=op, dtypes=operands, variants=variants), features)
        for name, (recipe, features) in elementwise.LAYOUTS.items()
    }


def _shaped(recipe: Recipe, op: str, dtypes: Dtypes) -> Callable[[Generator], Case]:
    return lambda rng: recipe(rng, op, dtypes)


def batches(op: str, dtypes: Dtypes, full: bool = True, seed: int = SEED) -> Iterator[Batch]:
    """The programs of one cell; what is judged in the cover is judged in the full plan.

    Cells of mixed dtypes have fewer layouts in both, since what they add is a cast: `main` in the
    cover, and the layouts of the cover in the full plan.
    """
    available = layouts(op, dtypes)
    for name in names(op, dtypes, full):
        recipe, features = available[name]
        label = "/".join((op, *dtypes, name))
        case = recipe(generator(seed, label))
        if not full and takes_turns(dtypes):
            case = single_call(case, turn_of(op, dtypes, name))
        elif not full and not _indivisible(op, name):
            case = shared_out(case, turn_of(op, dtypes, name))
        yield Batch(op, dtypes, name, case.with_notes(label), features)


def _indivisible(op: str, layout: str) -> bool:
    """`main` of elementwise rows, whose first call has all edges, and creation, often empty."""
    return ROWS[op].operands == 0 or (layout == "main" and is_elementwise(op))


def shared_out(case: Case, turn: int) -> Case:
    """At most SHARE of the calls whose results are outputs; so many turns have all of them."""
    calls = _calls(case)
    turns = -(-len(calls) // SHARE)
    if turns < 2:
        return case
    kept = calls[turn % turns :: turns]
    return part(case, [value for values in kept for value in values])


def _calls(case: Case) -> list[list[int]]:
    """The outputs, by the call that makes them."""
    calls: dict[str, list[int]] = {}
    for value in case.outputs:
        statement = case.statement_of(value)
        calls.setdefault("" if statement is None else same_call(statement), []).append(value)
    return list(calls.values())


def single_call(case: Case, turn: int) -> Case:
    """One of the calls whose results are outputs, that or the next one which makes an element."""
    calls = _calls(case)
    for k in range(len(calls)):
        found = part(case, calls[(turn + k) % len(calls)])
        values = ReferenceSubject().evaluate(found)
        if any(values[value].size for value in found.outputs):
            break
    return found


def turn_of(op: str, dtypes: Dtypes, layout: str) -> int:
    """A number that counts the cells in which a layout is met, those that take turns apart."""
    others = len(_others(op, dtypes))
    kind = takes_turns(dtypes)
    turn = [one for one in cells(op) if takes_turns(one) == kind].index(dtypes)
    return turn if layout == "main" or not others else turn // others


def names(op: str, dtypes: Dtypes, full: bool = True) -> tuple[str, ...]:
    """The layouts of a cell in a plan."""
    if full:
        return cover(op, dtypes) if mixed(op, dtypes) else tuple(layouts(op, dtypes))
    few = mixed(op, dtypes) or takes_turns(dtypes)
    return cover(op, dtypes)[:1] if few else cover(op, dtypes)


def takes_turns(dtypes: Dtypes) -> bool:
    """Whether a cell is one of those of which the cover has a single call."""
    return not set(IN_TURN).isdisjoint(dtypes)


def meets(op: str, dtypes: Dtypes, place: int, places: int) -> bool:
    """Whether the device at a place, of so many, runs a cell in the cover.

    Cells that take turns run on each device alone and then on all of them, and again; of those
    that add a cast, or are one, every third runs, on one device.
    """
    if not takes_turns(dtypes) or not places:
        return True
    turn = list(ROWS).index(op) + cells(op).index(dtypes)
    if mixed(op, dtypes) or op in CONVERSIONS:
        return turn % (CONVERTED * places) == place
    return turn % (places + 1) in (place, places)


def mixed(op: str, dtypes: Dtypes) -> bool:
    """Whether operands that are promoted to one dtype have several."""
    return len({dtypes[k] for k in ROWS[op].shared(len(dtypes))}) > 1


def cover(op: str, dtypes: Dtypes) -> tuple[str, ...]:
    """The layouts of the cover: `main` with all edges, and one of the others in turn.

    `long` is among them where there is an order to keep; else it only costs an interpreter time.
    """
    others = [] if _cast_first(op, dtypes) else _others(op, dtypes)
    always = ("main",) if "main" in layouts(op, dtypes) else ()
    turn = list(ROWS).index(op) + cells(op).index(dtypes)
    return (*always, *(others[turn % len(others) :][:1] if others else ()))


def _cast_first(op: str, dtypes: Dtypes) -> bool:
    """Whether an elementwise operator computes in floats what it is given as integers."""
    to_float = is_elementwise(op) and ROWS[op].result == "to_float"
    return to_float and not any(FORMATS[name].is_float for name in dtypes)


def _others(op: str, dtypes: Dtypes) -> list[str]:
    """The layouts that take turns beside `main`."""
    left_out = ("main", "long") if ROWS[op].order is None else ("main",)
    return [name for name in layouts(op, dtypes) if name not in left_out]


def selected(ops: Sequence[str] = (), dtypes: Sequence[str] = ()) -> Iterator[tuple[str, Dtypes]]:
    """All cells of the named rows (all rows if none) that have one of the named dtypes."""
    for op in ROWS:
        if not ops or op in ops:
            for found in cells(op):
                if not dtypes or set(found) & set(dtypes):
                    yield op, found


def check_names(ops: Sequence[str], dtypes: Sequence[str]) -> None:
    """ValueError for a name that is not in the catalog, with the names that are."""
    for kind, given, known in (("operator", ops, list(ROWS)), ("dtype", dtypes, list(ALL))):
        unknown = [name for name in given if name not in known]
        if unknown:
            raise ValueError(f"no such {kind}: {', '.join(unknown)}; there are {', '.join(known)}")
