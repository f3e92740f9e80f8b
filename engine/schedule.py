"""Graph -> ordered kernels: what is fused, what gets memory, in which order, and which memory.

A node joins the kernel of its users when all of them are in one kernel and look at it through the
same views, so nothing is ever computed twice; otherwise it gets a buffer and a kernel of its own.
Since a fused node has no user outside its kernel, kernels depend on each other only through their
results and cannot form a cycle.

A schedule is made for a structure: buffers are holes, numbered in order of first use, and values of
variables are arguments, so that a program that comes again with other data takes it from a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, Sint, substitute, toposort
from engine.ops import ELEMENTWISE, FUSED_VIEWS, Op
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.shapes import numel, resolved, view_of
from engine.simplify.index import bounds
from engine.target import Target

REDUCTIONS = (Op.REDUCE, Op.PARTIAL)
ALWAYS_STORED = frozenset({Op.COPY, Op.CONTIGUOUS, Op.STORE})
GENERATORS = frozenset({Op.CONST, Op.IOTA, Op.TABLE, Op.VARIABLE, Op.BIND})
RESULT = 0  # the path of a kernel's own elements
FREE_BLOCK = 1 << 15  # elements of a reduction without an order that one kernel takes


@dataclass(frozen=True)
class Slot:
    """A buffer of a schedule. `source`: ("hole", i), ("output", i) or ("temporary", place)."""

    dtype: DType
    size: int
    device: str
    source: tuple[str, int]


Variables = tuple[tuple[str, int, int], ...]  # name, low, high
Region = tuple[tuple[Sint, Sint], ...]


@dataclass(frozen=True)
class Output:
    """One result of a kernel: the elements of `expression` go to a buffer.

    The leaves of the expression are PARAMs. They go to `target` in row-major order or, with a
    region ((offset, size), …), to that part of a row-major tensor with these sizes.
    """

    target: Node
    expression: Node
    region: Region | None = None


@dataclass(frozen=True)
class Item:
    """One step. `kernel` is what it computes, or None for a copy of slots[1] to slots[0].

    The first `outputs` of `slots` are written. `after` names the steps that must come before.
    """

    device: str
    kernel: tuple[Output, ...] | None
    slots: tuple[int, ...]
    outputs: int
    after: tuple[int, ...]


@dataclass
class Place:
    """Memory that temporaries share, one after another."""

    device: str
    nbytes: int


@dataclass
class Schedule:
    """Steps in order, the slots they name, and the slot of each requested result."""

    items: list[Item]
    slots: list[Slot]
    results: list[int]
    variables: Variables
    places: list[Place] = field(default_factory=list)


# -- large reductions ------------------------------------------------------------------------------
def _cut_reduction(node: Node) -> Node | None:
    """A reduction of more elements than one block: blocks first, then their results."""
    name, axes, order = node.arg
    x = node.src[0]
    count = numel(tuple(x.shape[a] for a in axes))
    if not isinstance(count, int):
        return None
    lanes, rows = order or (32, FREE_BLOCK // 32)
    if count <= (rows * rows if lanes == 1 else lanes * rows):
        return None
    kept = tuple(i for i in range(len(x.shape)) if i not in axes)
    last = Node(Op.PERMUTE, x.dtype, (x,), (*kept, *axes))
    flat = view_of(last, (*(x.shape[i] for i in kept), count))
    blocks = Node(Op.PARTIAL, node.dtype, (flat,), (name, (lanes, rows)))
    total = Node(Op.REDUCE, node.dtype, (blocks,), (name, (len(kept),), order))
    return view_of(total, node.shape)


def _copy_whole(node: Node) -> Node | None:
    """A copy to another device moves a whole buffer: views are taken after it, or copied first."""
    x = node.src[0]
    if x.op not in FUSED_VIEWS or x.device is None:
        return None
    if x.op is Op.RESHAPE and not x.src[1:]:
        return view_of(Node(Op.COPY, x.dtype, x.src, node.arg), x.shape)
    return node.replace((Node(Op.CONTIGUOUS, x.dtype, (x,)),))


TENSOR_RULES = RuleSet([
    Expansion("cut reduction", (Op.REDUCE,), _cut_reduction),
    Expansion("copy whole buffers", (Op.COPY,), _copy_whole),
])


# -- fusion ----------------------------------------------------------------------------------------
@dataclass
class _Group:
    """A kernel in the making: `root`, or the write of a STORE's value into `region_of`."""

    root: Node
    operations: int = 0
    operands: set[Node] = field(default_factory=set)  # what it may have to read from memory
    reduction: Node | None = None
    extra: list[Node] = field(default_factory=list)  # further results that it stores
    region_of: Node | None = None


@dataclass(frozen=True)
class _Use:
    """How a kernel looks at a node: `path` numbers the views from the kernel's result to it.

    The flags say what stands on that way. Only generated values are fused where they are looked at
    repeatedly, lest elements be computed more than once; a reduction is not fused behind another,
    nor where it is moved, since its loops would then run under a gate.
    """

    group: int
    path: int
    repeated: bool = False  # an EXPAND
    reduced: bool = False   # a reduction
    moved: bool = False     # a PAD, GATHER or STORE


class _Fusion:
    """Assigns every node of a program to the kernels that compute it; users come first."""

    def __init__(
        self, order: list[Node], wanted: Sequence[Node], target_of: Callable[[Node], Target]
    ) -> None:
        self.groups: list[_Group] = []
        self.stored: dict[Node, int] = {}  # node -> group that writes it
        self.paths: dict[tuple[int, Node, int], int] = {}  # path, view, its operand -> longer path
        self.uses: dict[Node, list[_Use]] = {}
        self.wanted = set(wanted)
        self.target_of = target_of
        for node in reversed(order):
            self.visit(node)

    def longer(self, path: int, view: Node, operand: int) -> int:
        """The path that goes on through an operand of a view. Equal ways have equal numbers."""
        return self.paths.setdefault((path, view, operand), len(self.paths) + 1)

    def visit(self, node: Node) -> None:
        uses = self.uses.get(node, [])
        if is_leaf(node) or (node.op in FUSED_VIEWS and node not in self.wanted):
            for use in uses:
                self.spread(node, use)
        elif node not in self.wanted and self.fits(node, uses):
            self.join(node, uses[0])
        elif node in self.wanted and self.is_inside_another(uses) and self.fits(node, uses):
            self.groups[uses[0].group].extra.append(node)
            self.stored[node] = uses[0].group
            self.join(node, uses[0])
        else:
            self.start(node)

    def is_inside_another(self, uses: list[_Use]) -> bool:
        """Whether all uses are one kernel's own elements, so that it can store them too."""
        if not uses or uses[0].path != RESULT:
            return False
        return self.groups[uses[0].group].root.op not in ALWAYS_STORED

    def fits(self, node: Node, uses: list[_Use]) -> bool:
        """Whether all uses agree and their kernel has room."""
        use = uses[0]
        if node.op in ALWAYS_STORED or any(other != use for other in uses):
            return False
        group = self.groups[use.group]
        if use.repeated and not is_generated(node):
            return False
        if node.op in REDUCTIONS and (use.reduced or use.moved or group.reduction is not None):
            return False
        target = self.target_of(group.root)
        operands = len(group.operands | set(_operands(node))) + len(group.extra) + 1
        return group.operations < target.max_operations and operands <= target.max_buffers

    def join(self, node: Node, use: _Use) -> None:
        group = self.groups[use.group]
        group.operations += 1
        group.operands.discard(node)
        group.operands.update(_operands(node))
        if node.op in REDUCTIONS:
            group.reduction = node
        self.spread(node, use)

    def start(self, node: Node) -> None:
        """A kernel of its own; a STORE is two: the old version, then the region."""
        use = _Use(len(self.groups), RESULT)
        self.stored[node] = use.group
        if node.op is Op.STORE:
            old, value = node.src[:2]
            self.groups.append(_Group(node, operands={old}))
            self.uses.setdefault(old, []).append(use)
            self.groups.append(_Group(node, operands={value}, region_of=node))
            self.uses.setdefault(value, []).append(_Use(use.group + 1, RESULT))
            return
        self.groups.append(_Group(node))
        if node.op in (Op.COPY, Op.CONTIGUOUS):
            self.groups[-1].operands.add(node.src[0])
            kept = node.op is Op.COPY and node.src[0].device is not None
            path = self.longer(RESULT, node, 0) if kept else RESULT
            self.uses.setdefault(node.src[0], []).append(_Use(use.group, path, repeated=kept))
            return
        self.join(node, use)

    def spread(self, node: Node, use: _Use) -> None:
        """Hand the use on to the operands."""
        for number, operand in enumerate(node.src):
            path, repeated, reduced, moved = use.path, use.repeated, use.reduced, use.moved
            if node.op in FUSED_VIEWS or node.op in REDUCTIONS or node.op is Op.GATHER:
                path = self.longer(path, node, number)
            elif operand.shape != node.shape:
                path = self.longer(RESULT, node, number)
                repeated = repeated or numel(node.shape) != 1
            if node.op is Op.EXPAND or (node.op is Op.GATHER and number == 0):
                repeated = True
            reduced = reduced or node.op in REDUCTIONS
            moved = moved or node.op in (Op.PAD, Op.GATHER, Op.STORE)
            if node.op is Op.AFTER and number > 0:
                repeated = True
            made = _Use(use.group, path, repeated, reduced, moved)
            self.uses.setdefault(operand, []).append(made)


def is_leaf(node: Node) -> bool:
    """Needs no kernel: memory, constants, and sizes."""
    return node.op is Op.BUFFER or node.op in GENERATORS or node.dtype is dtypes.index


def is_generated(node: Node) -> bool:
    """Cheap enough to compute wherever it is looked at: it reads no memory."""
    return all(s.op in GENERATORS for s in node.src) and node.op in ELEMENTWISE


def _operands(node: Node) -> list[Node]:
    """The nodes below that may need memory, through views."""
    found = []
    pending = list(node.src)
    while pending:
        operand = pending.pop()
        if operand.op in FUSED_VIEWS:
            pending.extend(operand.src)
        elif operand.op is Op.BUFFER or not is_leaf(operand):
            found.append(operand)
    return found


# -- kernels ---------------------------------------------------------------------------------------
def storage_size(node: Node) -> int:
    """Items that a node's buffer holds: the largest its sizes allow."""
    count = numel(node.shape)
    return count if isinstance(count, int) else bounds(count)[1]


class _Builder:
    """Turns groups into items and gives every stored node a slot."""

    def __init__(
        self, fusion: _Fusion, holes: Sequence[Node], wanted: Sequence[Node], default: str
    ) -> None:
        self.fusion = fusion
        self.default = default
        self.slots: list[Slot] = []
        self.slot_of: dict[Node, int] = {}
        self.writer: dict[int, int] = {}
        self.items: list[Item] = []
        for i, buffer in enumerate(holes):
            self.slot_of[buffer] = self.add(buffer, buffer.arg[1], ("hole", i))
        self.place = {node: ("output", i) for i, node in enumerate(wanted)}

    def add(self, node: Node, size: int, source: tuple[str, int]) -> int:
        self.slots.append(Slot(node.dtype, size, node.device or self.default, source))
        return len(self.slots) - 1

    def slot(self, node: Node) -> int:
        """The slot of a stored node, made when first asked for."""
        if node not in self.slot_of:
            source = self.place.get(node, ("temporary", -1))
            self.slot_of[node] = self.add(node, storage_size(node), source)
        return self.slot_of[node]

    def build(self, group: _Group) -> None:
        """Append the item of a group."""
        root = group.root
        if root.op is Op.COPY and root.src[0].device is not None and group.region_of is None:
            self.append(None, (self.slot(root), self.slot(root.src[0])), 1)
            return
        if root.op is Op.STORE:
            expressions = [root.src[1 if group.region_of is not None else 0]]
        elif root.op in (Op.CONTIGUOUS, Op.COPY):
            expressions = [root.src[0]]
        else:
            expressions = [root, *group.extra]
        region = None
        if group.region_of is not None:
            sizes = root.shape
            region = tuple(
                (_unbound(o), _unbound(s)) for (o, _), s in zip(resolved(root), sizes, strict=True)
            )
        self.kernel(group, expressions, region)

    def kernel(
        self,
        group: _Group,
        expressions: list[Node],
        region: Region | None,
    ) -> None:
        if numel(expressions[0].shape) == 0:
            return
        results = [group.root, *group.extra]
        slots = [self.slot(node) for node in results]
        mapping: dict[Node, Node] = {}
        stops = self.fusion.stored
        inside = set(results)

        def is_operand(node: Node) -> bool:
            return node.op is Op.BUFFER or (node in stops and node not in inside)

        for node in toposort(expressions, stop=is_operand):
            if is_operand(node):
                slots.append(self.slot(node))
                size = self.slots[slots[-1]].size
                param = Node(Op.PARAM, node.dtype, (), (len(slots) - 1, size))
                mapping[node] = view_of(param, tuple(map(_unbound, node.shape)))
            elif node.op is Op.BIND:
                mapping[node] = node.src[0]
        outputs = []
        for i, expression in enumerate(expressions):
            size = self.slots[slots[i]].size
            target = Node(Op.PARAM, expression.dtype, (), (i, size))
            bound = substitute(expression, mapping)
            outputs.append(Output(target, bound, region))
        self.append(tuple(outputs), tuple(slots), len(results))

    def append(
        self, kernel: tuple[Output, ...] | None, slots: tuple[int, ...], outputs: int
    ) -> None:
        after = {self.writer[s] for s in slots if s in self.writer}
        for s in slots[:outputs]:
            self.writer[s] = len(self.items)
        device = self.slots[slots[0]].device
        self.items.append(Item(device, kernel, slots, outputs, tuple(sorted(after))))


def _unbound(size: Sint) -> Sint:
    """A size with bound variables replaced by the variables: kernels get values at launch."""
    if isinstance(size, int):
        return size
    return substitute(size, {n: n.src[0] for n in toposort([size]) if n.op is Op.BIND})


# -- memory plan -----------------------------------------------------------------------------------
def plan_memory(schedule: Schedule, share: bool) -> None:
    """Give every temporary a place; temporaries whose lives do not overlap may share one.

    A place is reused only on its own device and only by a step after the last reader's.
    """
    last: dict[int, int] = {}
    for number, item in enumerate(schedule.items):
        for slot in item.slots:
            last[slot] = number
    free: dict[str, list[int]] = {}
    ending: dict[int, list[int]] = {}
    placed: dict[int, int] = {}
    for number, item in enumerate(schedule.items):
        for slot in dict.fromkeys(item.slots):
            row = schedule.slots[slot]
            if row.source[0] != "temporary" or slot in placed:
                continue
            placed[slot] = _place(schedule, row, free.setdefault(row.device, []))
            ending.setdefault(last[slot], []).append(slot)
        for slot in ending.get(number, []) if share else []:
            free[schedule.slots[slot].device].append(placed[slot])
    for slot, place in placed.items():
        row = schedule.slots[slot]
        schedule.slots[slot] = Slot(row.dtype, row.size, row.device, ("temporary", place))


def _place(schedule: Schedule, row: Slot, free: list[int]) -> int:
    """The smallest free place that is large enough, else the largest one grown, else a new one."""
    need = max(1, row.size) * row.dtype.itemsize
    places = schedule.places
    fitting = [p for p in free if places[p].nbytes >= need]
    if fitting:
        best = min(fitting, key=lambda p: places[p].nbytes)
    elif free:
        best = max(free, key=lambda p: places[p].nbytes)
        places[best].nbytes = need
    else:
        places.append(Place(row.device, need))
        return len(places) - 1
    free.remove(best)
    return best


# -- whole programs --------------------------------------------------------------------------------
def make_schedule(
    wanted: Sequence[Node],
    holes: Sequence[Node],
    target_of: Callable[[str], Target],
    default: str,
    share_memory: bool = True,
) -> Schedule:
    """The steps that compute `wanted` (no views) from `holes` (the BUFFER nodes below them)."""
    sink = Node(Op.SINK, dtypes.bool_, tuple(wanted))
    roots = rewrite(sink, TENSOR_RULES).src
    order = toposort(roots)

    def target(node: Node) -> Target:
        return target_of(node.device or default)

    fusion = _Fusion(order, roots, target)
    position = {node: i for i, node in enumerate(order)}
    builder = _Builder(fusion, holes, roots, default)
    for group in sorted(
        fusion.groups, key=lambda g: (position[g.root], g.region_of is not None)
    ):
        builder.build(group)
    variables = tuple(sorted({n.arg for n in order if n.op is Op.VARIABLE}))
    schedule = Schedule(
        builder.items, builder.slots, [builder.slot(root) for root in roots], variables
    )
    plan_memory(schedule, share_memory)
    return schedule
