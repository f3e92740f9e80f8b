"""Which nodes are computed together: a kernel for each group of them.

A node joins the kernel of its users when all of them are in one kernel and look at it through the
same views, so nothing is ever computed twice; otherwise it gets a buffer and a kernel of its own.
Since a fused node has no user outside its kernel, kernels depend on each other only through their
results and cannot form a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from engine import dtypes
from engine.assemble import PARTS, Part
from engine.graph import Node
from engine.ops import ELEMENTWISE, FUSED_VIEWS, Op
from engine.shapes import numel, places_differ, row_major
from engine.simplify.index import bounds
from engine.target import Target

REDUCTIONS = (Op.REDUCE, Op.PARTIAL)
ALWAYS_STORED = frozenset({Op.COPY, *PARTS})
GENERATORS = frozenset({Op.CONST, Op.IOTA, Op.TABLE, Op.VARIABLE, Op.BIND})
RESULT = 0  # the path of a kernel's own elements


@dataclass
class Group:
    """A kernel in the making: of `root`, or of one of the parts of which it is made."""

    root: Node
    operations: int = 0
    operands: set[Node] = field(default_factory=set)  # what it may have to read from memory
    reduction: Node | None = None
    extra: list[Node] = field(default_factory=list)  # further results that it stores
    part: Part | None = None


@dataclass(frozen=True)
class Use:
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


class Fusion:
    """Assigns every node of a program to the kernels that compute it; users come first."""

    def __init__(
        self, order: list[Node], wanted: Sequence[Node], target_of: Callable[[Node], Target]
    ) -> None:
        self.groups: list[Group] = []
        self.stored: dict[Node, int] = {}  # node -> group that writes it
        self.paths: dict[tuple[int, Node, int], int] = {}  # path, view, its operand -> longer path
        self.uses: dict[Node, list[Use]] = {}
        self.wanted = set(wanted)
        self.target_of = target_of
        for node in reversed(order):
            self.visit(node)

    def longer(self, path: int, view: Node, operand: int) -> int:
        """The path that goes on through an operand of a view. Equal ways have equal numbers."""
        return self.paths.setdefault((path, view, operand), len(self.paths) + 1)

    def visit(self, node: Node) -> None:
        uses = self.uses.get(node, [])
        if not uses and node not in self.wanted:
            return  # the base of a STORE that replaces all of it
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

    def is_inside_another(self, uses: list[Use]) -> bool:
        """Whether all uses are one kernel's own elements, so that it can store them too."""
        if not uses or uses[0].path != RESULT:
            return False
        return self.groups[uses[0].group].root.op not in ALWAYS_STORED

    def fits(self, node: Node, uses: list[Use]) -> bool:
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
        memory = {group.root, *group.extra, *group.operands, *_operands(node)}
        if node not in self.wanted:  # else it is stored, too
            memory.discard(node)
        enough = _buffers(memory, target) <= target.max_buffers
        return enough and group.operations < target.max_operations

    def join(self, node: Node, use: Use) -> None:
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
        self.groups.append(Group(node))
        if node.op is Op.COPY:
            self.groups[-1].operands.add(node.src[0])
            kept = node.src[0].device is not None
            path = self.longer(RESULT, node, 0) if kept else RESULT
            use = Use(self.stored[node], path, repeated=kept)
            self.uses.setdefault(node.src[0], []).append(use)
            return
        self.join(node, Use(self.stored[node], RESULT))

    def start_part(self, node: Node, part: Part) -> None:
        """A sequential part may look at elements in an order of its own, so reductions stay out."""
        number = len(self.groups)
        operands = [node.src[k] for k in part.operands]
        self.groups.append(Group(node, operands=set(operands), part=part))
        for k, operand in zip(part.operands, operands, strict=True):
            path = self.longer(RESULT, node, k) if part.sequential else RESULT
            again = node.op is Op.MERGE  # reads items more than once
            use = Use(number, path, repeated=again, reduced=part.sequential)
            self.uses.setdefault(operand, []).append(use)

    def spread(self, node: Node, use: Use) -> None:
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
            made = Use(use.group, path, repeated, reduced, moved)
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


def capacity(node: Node) -> int:
    """Items that a node's buffer holds: the largest its sizes allow."""
    count = node.arg[1] if node.op is Op.BUFFER else numel(node.shape)
    return count if isinstance(count, int) else bounds(count)[1]


def _buffers(memory: Collection[Node], target: Target) -> int:
    """What a kernel over these nodes takes of the target's `max_buffers`."""
    piece = target.buffer_bytes
    if not piece:
        return len(memory)
    return sum(max(1, -(-capacity(node) * node.dtype.itemsize // piece)) for node in memory)


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
