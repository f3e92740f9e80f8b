"""Loops -> faster loops: merged and split axes, vectors, tiles, order of loops, threads.

Only parallel loops and the lanes of a reduction are touched, and the latter only as a whole, so the
order of accumulation stays what lowering made it. What is chosen depends on the shapes and on the
target's limits, never on the device's name.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine import dtypes
from engine.context import large_from, setting
from engine.graph import Node, axis_range, index as index_of, order_of, toposort
from engine.loops import loops_below, loops_of, replace_in_all, replace_ranges, static_size
from engine.ops import ELEMENTWISE, Axis, Op
from engine.simplify import index
from engine.target import Target

WORK_FOR_THREADS = 1 << 22  # operations below which starting threads costs more than it gains
WORK_FOR_LOOPS = 1 << 22    # operations of a fold from which the order of its loops matters
WORK_FOR_REST = 1 << 22     # operations below which a kernel for what vectors leave over does
WORK_FOR_WORKGROUP = 1 << 8  # elements of a reduction below which invocations need no others
SMALL_LANES = 8             # a reduction with so few lanes is always unrolled


# -- merging ---------------------------------------------------------------------------------------
def _divisions(roots: Sequence[Node]) -> int:
    return sum(n.op in (Op.FLOORDIV, Op.FLOORMOD) for n in toposort(roots))


def _positions(sink: Node) -> list[Node]:
    """The index arithmetic of a kernel: what anything else reads of it."""
    others = (n for n in order_of(sink) if n.dtype is not dtypes.index)
    return list(dict.fromkeys(s for n in others for s in n.src if s.dtype is dtypes.index))


def merge_axes(sink: Node) -> Node:
    """Neighbouring loops as one wherever no index gets harder to compute."""
    loops = loops_of(sink)
    number = len(loops) - 1
    if number < 1:
        return sink
    before = positions = _positions(sink)
    cost = _divisions(positions)
    while number > 0:
        outer, inner = loops[number - 1], loops[number]
        sizes = static_size(outer), static_size(inner)
        number -= 1
        if sizes[0] is None or sizes[1] is None:
            continue
        merged = axis_range(sizes[0] * sizes[1], outer.arg[0], Axis.LOOP)
        mapping = {outer: index.floordiv(merged, sizes[1]), inner: index.mod(merged, sizes[1])}
        candidate = replace_in_all(positions, mapping)
        if _divisions(candidate) <= cost:
            positions = candidate
            loops[number : number + 2] = [merged]
    return replace_ranges(sink, dict(zip(before, positions, strict=True)))


def split_axes(sink: Node) -> list[Node]:
    """A loop of a large fold that addresses cut into pieces, as two; what is left over by itself.

    So the columns of a panel are a loop of their own, whose rounds are neighbours in memory.
    """
    order = order_of(sink)
    if not _is_large_fold(order):
        return [sink]
    for loop in loops_of(sink):
        size = static_size(loop)
        pieces = {
            n.src[1].arg for n in order
            if n.op in (Op.FLOORDIV, Op.FLOORMOD) and n.src[0] is loop and n.src[1].op is Op.CONST
        }
        if size is None or len(pieces) != 1:
            continue
        (piece,) = pieces
        whole = size // piece * piece
        main = axis_range(whole, loop.arg[0], Axis.LOOP)
        kernels = [split(replace_ranges(sink, {loop: main}), main, piece, Axis.LOOP)]
        if whole < size:
            kernels.append(_part(sink, loop, whole, size - whole))
        return kernels
    return [sink]


def _part(sink: Node, loop: Node, first: int, size: int) -> Node:
    """`size` rounds of a loop, from `first` on."""
    part = axis_range(size, loop.arg[0], Axis(loop.arg[1])) if size > 1 else index_of(0)
    return replace_ranges(sink, {loop: index.add(part, first)})


def _is_large_fold(order: Sequence[Node]) -> bool:
    return any(n.op is Op.FOLD for n in order) and _work(order) >= large_from(WORK_FOR_LOOPS)


# -- which axis becomes a vector -------------------------------------------------------------------
Below = dict[Node, frozenset[Node]]


def factor_of(expression: Node, axis: Node, below: Below) -> int | None:
    """c where the expression is c * axis + rest; None if it depends on it in another way."""
    terms, _ = index.terms_of(expression)
    if any(axis in below[term] for term in terms if term is not axis):
        return None
    return terms.get(axis, 0)


@dataclass(frozen=True)
class _Access:
    """A load or write, and how often it happens relative to others."""

    node: Node
    weight: int

    @property
    def gate(self) -> tuple[Node, ...]:
        return self.node.src[2:] if self.node.op is Op.LOAD else self.node.src[3:]


def _accesses(order: Sequence[Node], below: Below) -> list[_Access]:
    """Those of buffers: the tables of functions are small, and stay in the nearest cache."""
    reduced = {n.src[0] for n in order if n.op is Op.FOLD}
    return [
        _Access(n, 8 if below[n] & reduced else 1)
        for n in order if n.op in (Op.LOAD, Op.WRITE) and n.src[0].op is Op.PARAM
    ]


def _score(axis: Node, accesses: Iterable[_Access], below: Below) -> int:
    """How well memory is used when neighbouring rounds of `axis` run side by side."""
    total = 0
    for access in accesses:
        factor = factor_of(access.node.src[1], axis, below)
        masked = any(axis in below[gate] for gate in access.gate)
        if factor == 1:
            total += access.weight * (1 if masked else 3)
        elif factor == 0:
            total += access.weight
        else:
            total -= access.weight * (8 if access.node.op is Op.WRITE else 4)
    return total


def _vector_width(order: Sequence[Node], target: Target) -> int:
    kinds = ("int", "uint", "float")
    widest = max((n.dtype.itemsize for n in order if n.dtype.kind in kinds), default=1)
    return target.vector_bytes // widest


def _tree(order: Sequence[Node]) -> Node | None:
    return next((n for n in order if n.op is Op.TREE), None)


def _bounding(order: Sequence[Node], below: Below) -> frozenset[Node]:
    """The loops on which the end of another loop depends; these stay as they are."""
    ends = (below[n.src[0]] for n in order if n.op is Op.RANGE)
    return frozenset[Node]().union(*ends)


def choose_vector(sink: Node, target: Target) -> tuple[Node, int] | None:
    """The axis to vectorise and the lanes, or None."""
    order = order_of(sink)
    width = _vector_width(order, target)
    if width < 2:
        return None
    below = loops_below(order)
    accesses, fixed = _accesses(order, below), _bounding(order, below)
    large = _work(order) >= large_from(WORK_FOR_REST)
    best: tuple[int, Node, int] | None = None
    tree = _tree(order)
    candidates = loops_of(sink) + ([tree.src[0]] if tree is not None else [])
    for axis in candidates:
        size = static_size(axis)
        if size is None or axis in fixed:
            continue
        of_tree = tree is not None and axis is tree.src[0]
        lanes = size if of_tree else _lanes(size, width, large)
        if lanes < 4:
            continue
        score = _score(axis, accesses, below) * min(lanes, width)
        if score > 0 and (best is None or score >= best[0]):
            best = (score, axis, lanes)
    return None if best is None else best[1:]


def _lanes(size: int, width: int, large: bool) -> int:
    """The vector width; where what it leaves over is not worth a kernel, a power of two below.

    A short axis takes the largest power of two below it if there is much to do, else one that
    divides it.
    """
    if size % width == 0 or size >= 4 * width:
        return width
    return min(width, 1 << (size.bit_length() - 1) if large else size & -size)


def _work(order: Sequence[Node]) -> int:
    """Executed operations of a kernel, about; what is one in each round counts for all rounds."""
    rounds = math.prod(index.bounds(n)[1] + 1 for n in order if n.op is Op.RANGE)
    return rounds * sum(n.op in ELEMENTWISE and n.dtype is not dtypes.index for n in order)


# -- tiles -----------------------------------------------------------------------------------------
COUNTS = (1, 2, 3, 4, 5, 6, 8)  # copies of a loop's body that a tile may have
TILED_LOOPS = 3
WORTHWHILE = 0.75  # a tile must leave at most this part of the instructions


def _shares(folded: Node, loops: Sequence[Node], below: Below) -> dict[frozenset[Node], int]:
    """How many nodes in the rounds of a fold depend on each set of `loops`: copies share the rest.

    What does not depend on the fold's own loop stands outside of it and counts nothing.
    """
    among = frozenset(loops)
    found: dict[frozenset[Node], int] = {}
    for node in toposort(folded.src[1:]):
        if folded.src[0] in below[node] and node.op is not Op.CARRY:
            found[below[node] & among] = found.get(below[node] & among, 0) + 1
    return found


def choose_tile(sink: Node, target: Target, order: Sequence[Node]) -> dict[Node, int]:
    """Copies of loops that leave the fewest instructions for a result, as registers allow.

    Where several do, it is the inner loops that are copied: their rounds are close in memory.
    """
    folded = next(n for n in order if n.op is Op.FOLD)
    below = loops_below(order)
    fixed = _bounding(order, below)
    loops = [n for n in reversed(loops_of(sink)) if (static_size(n) or 0) > 1 and n not in fixed]
    loops = [
        loop for loop in loops
        if any(folded.src[0] in below[n] and loop not in below[n] for n in order if n.op is Op.LOAD)
    ][:TILED_LOOPS][::-1]
    shares = _shares(folded, loops, below)
    budget = max(1, target.vector_registers * 3 // 4)
    choices = [[c for c in COUNTS if (static_size(loop) or 0) % c == 0] for loop in loops]
    alone = best = float(sum(shares.values()))
    chosen: dict[Node, int] = {}
    for counts in itertools.product(*choices):
        copies = math.prod(counts)
        tiled = dict(zip(loops, counts, strict=True))
        total = sum(n * math.prod(tiled[loop] for loop in among) for among, n in shares.items())
        if copies <= budget and total <= target.max_unroll and total / copies < best:
            best, chosen = total / copies, tiled
    return chosen if best <= WORTHWHILE * alone else {}


def tile(sink: Node, target: Target) -> Node:
    """Unroll loops over results that share loads inside a fold: a tile of results in registers."""
    order = order_of(sink)
    vectors = any(n.op is Op.RANGE and n.arg[1] == Axis.VECTOR for n in order)
    if not vectors or _tree(order) is not None or not any(n.op is Op.FOLD for n in order):
        return sink
    for loop, count in choose_tile(sink, target, order).items():
        if count > 1:
            sink = split(sink, loop, count, Axis.UNROLL)
    return sink


def split(sink: Node, loop: Node, inner: int, kind: Axis) -> Node:
    """A loop of n rounds as n / inner rounds around `inner` rounds of another kind."""
    size = static_size(loop)
    assert size is not None and size % inner == 0
    path = loop.arg[0]
    within = axis_range(inner, (*path, 1), kind)
    if size == inner:
        return replace_ranges(sink, {loop: within})
    outside = axis_range(size // inner, (*path, 0), Axis(loop.arg[1]))
    mapping = {loop: index.add(index.multiply(outside, inner), within)}
    return replace_ranges(sink, mapping)


def reuse_nearest(sink: Node, target: Target) -> Node:
    """The loop whose rounds share most of what a large fold reads goes inside of the others.

    What one round has read then lies in the nearest memory when the next one reads it. Threads need
    an outermost loop with a round for each; on a grid no round is the next one.
    """
    order = order_of(sink)
    loops = [loop for loop in loops_of(sink) if loop.arg[1] == Axis.LOOP]
    if target.grid or len(loops) < 2 or not _is_large_fold(order):
        return sink
    below = loops_below(order)
    reads = [a.node for a in _accesses(order, below) if a.node.op is Op.LOAD and a.weight > 1]
    outer = frozenset(loops)

    def staying(loop: Node) -> int:
        """Elements that the reads of one round share with the next."""
        return sum(
            math.prod(static_size(n) or 1 for n in below[read] - outer)
            for read in reads if loop not in below[read]
        )

    inner = max(reversed(loops), key=staying)
    moved = [*[loop for loop in loops if loop is not inner], inner]
    if _bounding(order, below) or (static_size(moved[0]) or 0) < _threads(target):
        return sink
    places = zip(moved, loops, strict=True)
    return replace_ranges(
        sink, {loop: axis_range(loop.src[0], place.arg[0], Axis.LOOP) for loop, place in places}
    )


def _vectorise(sink: Node, axis: Node, lanes: int) -> list[Node]:
    """Kernels with `axis` in vectors; what is left over at its end is a kernel of its own."""
    size = static_size(axis)
    assert size is not None
    if axis.arg[1] == Axis.REDUCE:
        lane = axis_range(size, axis.arg[0], Axis.VECTOR)
        return [replace_ranges(sink, {axis: lane})]
    whole = size // lanes * lanes
    kernels = []
    main = axis_range(whole, axis.arg[0], Axis.LOOP)
    if whole == size:
        kernels.append(split(sink, axis, lanes, Axis.VECTOR))
    else:
        kernels.append(split(replace_ranges(sink, {axis: main}), main, lanes, Axis.VECTOR))
        kernels.append(_rest(sink, axis, whole, lanes))
    return kernels


def _rest(sink: Node, axis: Node, whole: int, lanes: int) -> Node:
    """What vectors leave over: the last vector of the axis, or single elements.

    The vector computes some elements again, and writes the same: which holds unless the kernel
    reads what it writes.
    """
    size = static_size(axis)
    assert size is not None
    order = order_of(sink)
    written = {n.src[0] for n in order if n.op is Op.WRITE}
    again = not any(n.op is Op.LOAD and n.src[0] in written for n in order)
    if again and size - whole > 1:
        last = axis_range(lanes, axis.arg[0], Axis.VECTOR)
        return replace_ranges(sink, {axis: index.add(last, size - lanes)})
    return _part(sink, axis, whole, size - whole)


def _unroll_lanes(sink: Node, target: Target) -> Node:
    """The lanes of a reduction that are not a vector, side by side if the body is small.

    Else by the invocations of a workgroup, where the target has these.
    """
    tree = _tree(order_of(sink))
    if tree is None or tree.src[0].arg[1] != Axis.REDUCE:
        return sink
    lanes = static_size(tree.src[0])
    assert lanes is not None
    body = sum(n.op in ELEMENTWISE for n in toposort([tree.src[1]]))
    if lanes > SMALL_LANES and body * lanes > target.max_unroll:
        return share_lanes(sink, tree, lanes) if _may_share(sink, tree, lanes, target) else sink
    side = axis_range(lanes, tree.src[0].arg[0], Axis.UNROLL)
    return replace_ranges(sink, {tree.src[0]: side})


def _may_share(sink: Node, tree: Node, lanes: int, target: Target) -> bool:
    """Whether a workgroup can have an invocation for every lane, and memory for what they hold.

    It pays off where each of them has some rounds to do before they meet.
    """
    if not 0 < lanes <= target.workgroup or tree.dtype not in target.storage:
        return False
    folds = [n.src[0] for n in toposort([tree.src[1]]) if n.op is Op.FOLD]
    rounds = max((index.bounds(loop)[1] + 1 for loop in folds), default=1)
    outer = loops_below(order_of(sink))[tree]
    return rounds * lanes >= large_from(WORK_FOR_WORKGROUP) and all(
        loop.arg[1] == Axis.LOOP and static_size(loop) for loop in outer
    )


def share_lanes(sink: Node, tree: Node, lanes: int) -> Node:
    """The lanes of a reduction as invocations of a workgroup, of which the first one writes."""
    lane = tree.src[0]
    own = axis_range(lanes, lane.arg[0], Axis.WORKGROUP)
    first = index.less(own, 1)
    writes = []
    for write in replace_ranges(sink, {lane: own}).src:
        memory, place, value, *gate = write.src
        chosen = first if not gate else index.both(gate[0], first)
        writes.append(write.replace((memory, place, value, chosen)))
    return sink.replace(tuple(writes))


def _threads(target: Target) -> int:
    return setting("THREADS") or target.threads


def onto_grid(sink: Node) -> Node:
    """All parallel loops of known size as one, each round of which a device runs by itself."""
    loops = [loop for loop in loops_of(sink) if loop.arg[1] == Axis.LOOP and static_size(loop)]
    sizes = [static_size(loop) or 0 for loop in loops]
    if not loops or math.prod(sizes) < 2:
        return sink
    merged = axis_range(math.prod(sizes), loops[0].arg[0], Axis.GLOBAL)
    return replace_ranges(sink, dict(zip(loops, index.unravel(merged, tuple(sizes)), strict=True)))


def share_among_threads(sink: Node, target: Target) -> Node:
    """Make the outermost loop global if there is enough work for threads."""
    loops = [loop for loop in loops_of(sink) if loop.arg[1] == Axis.LOOP]
    if target.grid:
        return onto_grid(sink)
    if _threads(target) < 2 or not loops:
        return sink
    size = static_size(loops[0])
    work = _work(order_of(sink))
    if work < large_from(WORK_FOR_THREADS) or size is None or size < 2:
        return sink
    shared = axis_range(size, loops[0].arg[0], Axis.GLOBAL)
    return replace_ranges(sink, {loops[0]: shared})


def optimize(sink: Node, target: Target) -> list[Node]:
    """One kernel as one or several that do the same, in order."""
    return [made for part in split_axes(merge_axes(sink)) for made in _optimized(part, target)]


def _optimized(sink: Node, target: Target) -> list[Node]:
    choice = choose_vector(sink, target)
    kernels = [sink] if choice is None else _vectorise(sink, *choice)
    result = []
    for kernel in kernels:
        tiled = reuse_nearest(tile(kernel, target), target)
        result.append(share_among_threads(_unroll_lanes(tiled, target), target))
    return result
