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
from engine.assemble import PARTS, Part
from engine.graph import Node, Sint, substitute, toposort
from engine.memory_plan import plan_memory
from engine.ops import ELEMENTWISE, FUSED_VIEWS, Op
from engine.panels import into_panels
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.shapes import memory_below, numel, places_differ, row_major, view_of
from engine.simplify.index import bounds
from engine.steps import Item, Output, Schedule, Slot
from engine.target import Target

REDUCTIONS = (Op.REDUCE, Op.PARTIAL)
ALWAYS_STORED = frozenset({Op.COPY, *PARTS})
GENERATORS = frozenset({Op.CONST, Op.IOTA, Op.TABLE, Op.VARIABLE, Op.BIND})
RESULT = 0  # the path of a kernel's own elements
FREE_BLOCK = 1 << 15  # elements of a reduction without an order that one kernel takes


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


def _operands_in_memory(node: Node) -> Node | None:
    """A foreign kernel reads memory. So does a scatter its index: no place is known too early."""
    src = list(node.src)
    for k in range(1, 2 if node.op is Op.SCATTER else len(src)):
        whole = memory_below(src[k])
        if whole.op is not Op.BUFFER and whole.op not in ALWAYS_STORED:
            src[k] = Node(Op.CONTIGUOUS, src[k].dtype, (src[k],))
    return node.replace(tuple(src))


TENSOR_RULES = RuleSet([
    Expansion("into panels", (Op.REDUCE,), into_panels),
    Expansion("operands in memory", (Op.SCATTER, Op.CUSTOM), _operands_in_memory),
    Expansion("cut reduction", (Op.REDUCE,), _cut_reduction),
    Expansion("copy whole buffers", (Op.COPY,), _copy_whole),
])


# -- fusion ----------------------------------------------------------------------------------------
@dataclass
class _Group:
    """A kernel in the making: of `root`, or of one of the parts of which it is made."""

    root: Node
    operations: int = 0
    operands: set[Node] = field(default_factory=set)  # what it may have to read from memory
    reduction: Node | None = None
    extra: list[Node] = field(default_factory=list)  # further results that it stores
    part: Part | None = None


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
        """A kernel of its own, or one for each of its parts."""
        self.stored[node] = len(self.groups)
        if node.op in PARTS:
            for part in PARTS[node.op](node):
                self.start_part(node, part)
            return
        self.groups.append(_Group(node))
        if node.op is Op.COPY:
            self.groups[-1].operands.add(node.src[0])
            kept = node.src[0].device is not None
            path = self.longer(RESULT, node, 0) if kept else RESULT
            use = _Use(self.stored[node], path, repeated=kept)
            self.uses.setdefault(node.src[0], []).append(use)
            return
        self.join(node, _Use(self.stored[node], RESULT))

    def start_part(self, node: Node, part: Part) -> None:
        """A sequential part may look at elements in an order of its own, so reductions stay out."""
        number = len(self.groups)
        operands = [node.src[k] for k in part.operands]
        self.groups.append(_Group(node, operands=set(operands), part=part))
        for k, operand in zip(part.operands, operands, strict=True):
            path = self.longer(RESULT, node, k) if part.sequential else RESULT
            again = node.op is Op.MERGE  # reads items more than once
            use = _Use(number, path, repeated=again, reduced=part.sequential)
            self.uses.setdefault(operand, []).append(use)

    def spread(self, node: Node, use: _Use) -> None:
        """Hand the use on to the operands."""
        for number, operand in enumerate(node.src):
            path, repeated, reduced, moved = use.path, use.repeated, use.reduced, use.moved
            if node.op in FUSED_VIEWS or node.op in REDUCTIONS or node.op is Op.GATHER:
                path = self.longer(path, node, number)
            elif operand.shape != node.shape:
                path = self.longer(RESULT, node, number)
                repeated = repeated or numel(node.shape) != 1
            if repeats(node) or (node.op is Op.GATHER and number == 0):
                repeated = True
            reduced = reduced or node.op in REDUCTIONS
            moved = moved or node.op in (Op.PAD, Op.GATHER, Op.STORE)
            if node.op is Op.AFTER and number > 0:
                repeated = True
            made = _Use(use.group, path, repeated, reduced, moved)
            self.uses.setdefault(operand, []).append(made)


def repeats(view: Node) -> bool:
    """Whether a view may show an element twice: EXPAND, and AFFINE where windows overlap."""
    if view.op is not Op.AFFINE:
        return view.op is Op.EXPAND
    shape, places = view.arg
    distances = [0] * len(shape)
    for (_, factors), stride in zip(places, row_major(view.src[0].shape), strict=True):
        assert isinstance(stride, int), "AFFINE views have no symbolic axes"
        distances = [d + stride * f for d, f in zip(distances, factors, strict=True)]
    return not places_differ(shape, tuple(distances))


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
        root, part = group.root, group.part
        if root.op is Op.COPY and root.src[0].device is not None:
            self.append(None, (self.slot(root), self.slot(root.src[0])), 1)
        elif part is not None:
            self.part(group, part)
        else:
            expressions = [root.src[0]] if root.op is Op.COPY else [root, *group.extra]
            if numel(expressions[0].shape) != 0:
                slots = [self.slot(node) for node in (root, *group.extra)]
                bound = self.bound(expressions, slots)
                targets = [self.parameter(k, slots) for k in range(len(expressions))]
                self.append(tuple(map(Output, targets, bound)), tuple(slots), len(expressions))

    def part(self, group: _Group, part: Part) -> None:
        """One of the kernels of which a node is made."""
        root = group.root
        expressions = [root.src[k] for k in part.operands]
        if any(numel(expression.shape) == 0 for expression in expressions):
            return
        slots = [self.slot(root)]
        bound = self.bound(expressions, slots)
        target = self.parameter(0, slots)
        places = part.places
        if places is not None:
            offset, strides = places
            places = _unbound(offset), tuple(map(_unbound, strides))
        expression = bound[0] if bound else root
        if part.sequential:  # what it does not read, it finds at its target
            whole = view_of(target, tuple(map(_unbound, root.shape)))
            read = dict(zip(part.operands, bound, strict=True))
            src = tuple([read.get(k, whole) for k in range(len(root.src))])
            expression = Node(root.op, root.dtype, src, root.arg)
        self.append((Output(target, expression, places),), tuple(slots), 1)

    def parameter(self, number: int, slots: Sequence[int]) -> Node:
        """The PARAM of a slot, by its number in the kernel."""
        row = self.slots[slots[number]]
        return Node(Op.PARAM, row.dtype, (), (number, row.size))

    def bound(self, expressions: Sequence[Node], slots: list[int]) -> list[Node]:
        """The expressions over PARAMs; the slots that they read are appended."""
        mapping: dict[Node, Node] = {}
        stops = self.fusion.stored
        inside = {node for node in expressions if node in stops and self.slot(node) in slots}

        def is_operand(node: Node) -> bool:
            return node.op is Op.BUFFER or (node in stops and node not in inside)

        for node in toposort(expressions, stop=is_operand):
            if is_operand(node):
                slots.append(self.slot(node))
                param = self.parameter(len(slots) - 1, slots)
                mapping[node] = view_of(param, tuple(map(_unbound, node.shape)))
            elif node.op is Op.BIND:
                mapping[node] = node.src[0]
        return [substitute(expression, mapping) for expression in expressions]

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


# -- whole programs --------------------------------------------------------------------------------
def make_schedule(
    wanted: Sequence[Node],
    holes: Sequence[Node],
    target_of: Callable[[str], Target],
    default: str,
    share_memory: bool = True,
) -> Schedule:
    """The steps that compute `wanted` (no views) from `holes` (the BUFFER nodes below them)."""
    schedule, _ = planned(wanted, holes, target_of, default)
    plan_memory(schedule, share_memory)
    return schedule


def planned(
    wanted: Sequence[Node],
    holes: Sequence[Node],
    target_of: Callable[[str], Target],
    default: str,
) -> tuple[Schedule, dict[int, Node]]:
    """A schedule whose temporaries have no places yet, and the node that each slot holds."""
    sink = Node(Op.SINK, dtypes.bool_, tuple(wanted))
    roots = rewrite(sink, TENSOR_RULES).src
    order = toposort(roots)

    def target(node: Node) -> Target:
        return target_of(node.device or default)

    fusion = _Fusion(order, roots, target)
    position = {node: i for i, node in enumerate(order)}
    builder = _Builder(fusion, holes, roots, default)
    for group in sorted(fusion.groups, key=lambda g: position[g.root]):  # parts stay in order
        builder.build(group)
    variables = tuple(sorted({n.arg for n in order if n.op is Op.VARIABLE}))
    schedule = Schedule(
        builder.items, builder.slots, [builder.slot(root) for root in roots], variables
    )
    return schedule, {slot: node for node, slot in builder.slot_of.items()}
