"""Graph -> ordered kernels: what is fused, what gets memory, in which order, and which memory.

A schedule is made for a structure: buffers are holes, numbered in order of first use, and values of
variables are arguments, so that a program that comes again with other data takes it from a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from engine import dtypes
from engine.assemble import Part
from engine.fusion import ALWAYS_STORED, Fusion, capacity
from engine.graph import Node, Sint, substitute, toposort
from engine.inplace import Kernel, Plan, plan
from engine.memory_plan import plan_memory
from engine.ops import FUSED_VIEWS, Op
from engine.panels import into_panels
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.shapes import memory_below, numel, view_of
from engine.steps import Item, Output, Schedule, Slot
from engine.target import Target

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


# -- items -----------------------------------------------------------------------------------------
class _Builder:
    """Turns kernels into items and gives every node in memory a slot."""

    def __init__(
        self, chosen: Plan, holes: Sequence[Node], wanted: Sequence[Node], default: str
    ) -> None:
        self.over = chosen.over
        self.default = default
        self.slots: list[Slot] = []
        self.slot_of: dict[Node, int] = {}
        self.items: list[Item] = []
        self.writer: dict[int, int] = {}  # memory, by its first slot -> the last step to write it
        self.readers: dict[int, list[int]] = {}  # and the steps that have read it since
        self.memory: list[int] = []  # of each slot
        for i, buffer in enumerate(holes):
            self.slot_of[buffer] = self.add(buffer, ("hole", i))
        self.place = {node: ("output", i) for i, node in enumerate(wanted)}
        for kernel in chosen.kernels:
            self.build(kernel)

    def add(self, node: Node, source: tuple[str, int]) -> int:
        number = len(self.slots)
        self.slots.append(Slot(node.dtype, capacity(node), node.device or self.default, source))
        self.memory.append(self.memory[source[1]] if source[0] == "version" else number)
        return number

    def slot(self, node: Node) -> int:
        """The slot of a node in memory, made when first asked for."""
        if node not in self.slot_of:
            source = self.place.get(node, ("temporary", -1))
            if node in self.over:
                source = ("version", self.slot_of[self.over[node]])
            self.slot_of[node] = self.add(node, source)
        return self.slot_of[node]

    def result(self, number: int, node: Node) -> int:
        """The slot of a wanted node, whose memory is that of a result if it was a temporary's."""
        slot = self.slot(node)
        first = self.memory[slot]
        row = self.slots[first]
        if row.source[0] == "temporary":
            self.slots[first] = replace(row, source=("output", number))
        return slot

    def build(self, kernel: Kernel) -> None:
        """Append the item of a kernel."""
        root, part = kernel.group.root, kernel.group.part
        slots = [self.slot(node) for node in kernel.writes]
        outputs = len(slots)
        if root.op is Op.COPY and root.src[0].device is not None:
            self.append(None, (slots[0], self.slot(root.src[0])), outputs)
            return
        bound = self.bound(kernel, slots)
        targets = [self.parameter(k, slots) for k in range(outputs)]
        if part is None:
            written = tuple(map(Output, targets, bound))
        else:
            written = (self.part(root, part, targets[0], bound),)
        self.append(written, tuple(slots), outputs)

    def part(self, root: Node, part: Part, target: Node, bound: Sequence[Node]) -> Output:
        """What one of the kernels writes of which a node is made."""
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
        return Output(target, expression, places)

    def parameter(self, number: int, slots: Sequence[int]) -> Node:
        """The PARAM of a slot, by its number in the kernel."""
        row = self.slots[slots[number]]
        return Node(Op.PARAM, row.dtype, (), (number, row.size))

    def bound(self, kernel: Kernel, slots: list[int]) -> list[Node]:
        """The expressions over PARAMs; the slots that they read are appended.

        What the kernel writes over has the PARAM of what is written.
        """
        replaced = {self.over[node]: k for k, node in enumerate(kernel.writes) if node in self.over}
        mapping: dict[Node, Node] = {}
        for node in kernel.order:
            if node.op is Op.BIND:
                mapping[node] = node.src[0]
        for node in kernel.reads:
            number = replaced.get(node, len(slots))
            if number == len(slots):
                slots.append(self.slot(node))
            param = self.parameter(number, slots)
            mapping[node] = view_of(param, tuple(map(_unbound, node.shape)))
        return [substitute(expression, mapping) for expression in kernel.expressions]

    def append(
        self, kernel: tuple[Output, ...] | None, slots: tuple[int, ...], outputs: int
    ) -> None:
        """A step, with its edges: read after write, write after write, write after read."""
        number, after = len(self.items), set[int]()
        for slot in slots:
            if self.memory[slot] in self.writer:
                after.add(self.writer[self.memory[slot]])
        for slot in slots[:outputs]:
            after.update(self.readers.pop(self.memory[slot], ()))
            self.writer[self.memory[slot]] = number
        for slot in slots[outputs:]:
            self.readers.setdefault(self.memory[slot], []).append(number)
        device = self.slots[slots[0]].device
        self.items.append(Item(device, kernel, slots, outputs, tuple(sorted(after))))


def _unbound(size: Sint) -> Sint:
    """A size with bound variables replaced by the variables: kernels get values at launch."""
    if isinstance(size, int):
        return size
    return substitute(size, {n: n.src[0] for n in toposort([size]) if n.op is Op.BIND})


# -- whole programs --------------------------------------------------------------------------------
def _home(order: Sequence[Node], default: str) -> str:
    """Where a program computes what it makes of constants alone: on its device, if it has one."""
    found = {node.device for node in order if node.device is not None}
    return found.pop() if len(found) == 1 else default


def make_schedule(
    wanted: Sequence[Node],
    holes: Sequence[Node],
    target_of: Callable[[str], Target],
    default: str,
    share_memory: bool = True,
    free: Collection[int] = (),
    homes: Collection[tuple[int, int]] = (),
) -> Schedule:
    """The steps that compute `wanted` (no views) from `holes` (the BUFFER nodes below them).

    `free` numbers the holes whose memory results may take; `homes` has pairs of a result and the
    hole that holds what it replaces, by their numbers.
    """
    schedule, _ = planned(wanted, holes, target_of, default, free, homes)
    plan_memory(schedule, share_memory)
    return schedule


def planned(
    wanted: Sequence[Node],
    holes: Sequence[Node],
    target_of: Callable[[str], Target],
    default: str,
    free: Collection[int] = (),
    homes: Collection[tuple[int, int]] = (),
) -> tuple[Schedule, dict[int, Node]]:
    """A schedule whose temporaries have no places yet, and the node that each slot holds."""
    sink = Node(Op.SINK, dtypes.bool_, tuple(wanted))
    roots = rewrite(sink, TENSOR_RULES).src
    order = toposort(roots)
    default = _home(order, default)

    def target(node: Node) -> Target:
        return target_of(node.device or default)

    fusion = Fusion(order, roots, target)
    position = {node: i for i, node in enumerate(order)}
    chosen = plan(
        fusion, position, {holes[i] for i in free},
        {roots[result]: holes[hole] for result, hole in homes},
    )  # fmt: skip
    builder = _Builder(chosen, holes, roots, default)
    variables = tuple(sorted({n.arg for n in order if n.op is Op.VARIABLE}))
    results = [builder.result(number, root) for number, root in enumerate(roots)]
    schedule = Schedule(builder.items, builder.slots, results, variables)
    return schedule, {slot: node for node, slot in builder.slot_of.items()}
