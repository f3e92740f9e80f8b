"""Which results take the memory of what they replace, and an order of kernels that allows it.

A STORE is a new version of its base: a copy, and then a write. The copy is left out, and the write
goes into the base's memory, where nobody reads the base afterwards. Kernels are ordered by

- read after write: a kernel that reads a version comes after the last that writes it;
- write after write: and so does the kernel that writes the next version over it;
- write after read: which comes after all other kernels that read the old version.

Only kernels that write in place ask for the third, so it can be given up: where nothing is left
that could run, the first kernel that waits for readers alone gets its copy after all.

A kernel may itself read the old version at the very place that it writes. If it reads it elsewhere,
or reads a version that is older still, its value goes into memory of its own first.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from engine.assemble import PARTS, VERSIONS, Part
from engine.fusion import Fusion, Group, capacity
from engine.graph import Node, toposort
from engine.moves import MOVES, parallel_loops
from engine.ops import ELEMENTWISE, Op
from engine.shapes import memory_below, numel
from engine.simplify import index

_WITH_VALUE = (Op.STORE, Op.SCATTER)  # their last operand goes into the base, element by element


@dataclass(eq=False)
class Kernel:
    """A group, what it evaluates, and the nodes in memory that it writes and reads.

    `order` holds the nodes of its expressions, down to what it reads.
    """

    group: Group
    expressions: list[Node]
    writes: tuple[Node, ...]
    order: list[Node]
    reads: list[Node]


@dataclass(frozen=True)
class Plan:
    """Kernels in order. `over` has the older version whose memory a result takes."""

    kernels: list[Kernel]
    over: dict[Node, Node]


def plan(
    fusion: Fusion,
    position: Mapping[Node, int],
    free: Collection[Node],
    homes: Mapping[Node, Node],
) -> Plan:
    """The kernels of a program in order, and what they write in place.

    `position` orders nodes, operands first. `free`: BUFFERs that nobody reads after this program.
    `homes`: for a result that replaces something as a whole, the BUFFER which holds that.
    """
    choice = _Choice(fusion, _kernels(fusion, position), free, homes)
    ordered = _Order(choice).run()
    copies = {choice.copies[node] for node in choice.over if node in choice.copies}
    return Plan([kernel for kernel in ordered if kernel not in copies], choice.over)


# -- kernels ---------------------------------------------------------------------------------------
def _kernels(fusion: Fusion, position: Mapping[Node, int]) -> list[Kernel]:
    """The groups in the order of what they compute; those that read or write nothing are left out.
    """
    groups = sorted(fusion.groups, key=lambda group: position[group.root])  # parts stay in order
    evaluated = ((group, _expressions(group)) for group in groups)
    return [
        _kernel(group, expressions, fusion.stored) for group, expressions in evaluated
        if all(numel(x.shape) != 0 for x in (group.root, *expressions))
    ]


def _expressions(group: Group) -> list[Node]:
    """What a group evaluates: its results, the operands of a part, or what a COPY moves."""
    if group.part is not None:
        return [group.root.src[k] for k in group.part.operands]
    return [group.root.src[0]] if group.root.op is Op.COPY else [group.root, *group.extra]


def _kernel(group: Group, expressions: list[Node], stored: Collection[Node]) -> Kernel:
    results = (group.root, *group.extra)
    own = results if expressions == list(results) else ()

    def is_read(node: Node) -> bool:
        return node.op is Op.BUFFER or (node in stored and node not in own)

    order = toposort(expressions, stop=is_read)
    return Kernel(group, expressions, results, order, [node for node in order if is_read(node)])


def reads_in_place(kernel: Kernel, memory: Node) -> bool:
    """Whether a kernel reads a tensor nowhere but at the place that it writes in that round."""
    part = kernel.group.part
    if part is not None and part.sequential:
        return False
    first = kernel.expressions[0]
    loops = parallel_loops(first.shape)
    places = None if part is None else part.places
    written = index.ravel(loops, first.shape) if places is None else index.place(loops, *places)
    above = {memory}
    for node in kernel.order:
        if not above.isdisjoint(node.src):
            above.add(node)
    pending = [(expression, loops) for expression in kernel.expressions]
    seen = set(pending)
    while pending:
        node, at = pending.pop()
        if node is memory:
            if index.ravel(at, node.shape) is not written:
                return False
            continue
        if node.op in ELEMENTWISE:
            below = [(operand, at if operand.shape else ()) for operand in node.src]
        elif node.op in MOVES and node.op is not Op.PAD:
            below = [(node.src[0], MOVES[node.op](node, at)[0])]
        else:
            return False
        new = [step for step in below if step[0] in above and step not in seen]
        seen.update(new)
        pending += new
    return True


# -- choice ----------------------------------------------------------------------------------------
class _Choice:
    """What each result would like to be written over, if only the order of kernels allows it."""

    def __init__(
        self,
        fusion: Fusion,
        kernels: list[Kernel],
        free: Collection[Node],
        homes: Mapping[Node, Node],
    ) -> None:
        self.fusion = fusion
        self.free = free
        self.makers: dict[Node, list[Kernel]] = {}
        for kernel in kernels:
            for node in kernel.writes:
                self.makers.setdefault(node, []).append(kernel)
        self.over: dict[Node, Node] = {}
        self.first: dict[Node, Kernel] = {}     # which kernel begins to write over the old version
        self.copies: dict[Node, Kernel] = {}    # which would copy it, and is left out
        self.oldest: dict[Node, Node] = {}      # the first version in the same memory
        self.taken: set[Node] = set()
        self.snapshots: dict[Kernel, Kernel] = {}  # what comes right before a kernel
        self.homes = self.inherited(homes)
        for node in list(self.makers):
            if not self.takes_base(node):
                self.takes_home(node)
        self.kernels = [
            each for kernel in kernels for each in (self.snapshots.get(kernel), kernel)
            if each is not None
        ]

    def inherited(self, homes: Mapping[Node, Node]) -> dict[Node, Node]:
        """The home of a result is also that of a base which it will be written over."""
        found = dict(homes)
        for node in reversed(self.makers):
            base = memory_below(node.src[0]) if node.op in VERSIONS else None
            if node in found and base in self.makers:
                found.setdefault(base, found[node])
        return found

    def is_open(self, node: Node, old: Node) -> bool:
        """Whether a result may be written over an older version: nobody else does, it fits, and
        the old version is not wanted any more when all has run."""
        ends = old in self.free or (old in self.makers and old not in self.fusion.wanted)
        fits = (old.dtype, old.device) == (node.dtype, node.device)
        return ends and fits and old not in self.taken and capacity(old) == capacity(node)

    def take(self, node: Node, old: Node, first: Kernel) -> None:
        self.over[node], self.first[node] = old, first
        self.oldest[node] = self.oldest.get(old, old)
        self.taken.add(old)

    def takes_base(self, node: Node) -> bool:
        """A version over its base, whose elements it keeps."""
        if node.op not in VERSIONS:
            return False
        base = memory_below(node.src[0])
        *copies, write = self.makers[node]
        complete = len(PARTS[node.op](node)) == len(copies) + 1
        if not complete or not self.is_open(node, base):
            return False
        oldest = self.oldest.get(base, base)
        read = [old for old in write.reads if self.oldest.get(old, old) is oldest]
        if read and not (read == [base] and reads_in_place(write, base)):
            if not copies or not self.takes_snapshot(node, write, oldest):
                return False
        self.take(node, base, write)
        if copies:
            self.copies[node] = copies[0]
        return True

    def takes_home(self, node: Node) -> None:
        """A value over what it replaces as a whole."""
        home = self.homes.get(node)
        if home is None or not self.is_open(node, home):
            return
        first, *others = self.makers[node]
        late = any(home in kernel.reads for kernel in others)
        if not late and (home not in first.reads or reads_in_place(first, home)):
            self.take(node, home, first)

    def takes_snapshot(self, node: Node, write: Kernel, oldest: Node) -> bool:
        """Let a kernel read its value from memory of its own; False if it must read more there."""
        beside = [memory_below(operand) for operand in write.expressions[:-1]]
        if node.op not in _WITH_VALUE or any(self.oldest.get(x, x) is oldest for x in beside):
            return False
        value = write.expressions[-1]
        copy = Node(Op.CONTIGUOUS, value.dtype, (value,))
        if copy not in self.makers:
            group = Group(copy, part=Part((0,)))
            self.snapshots[write] = _kernel(group, [value], self.fusion.stored)
            self.makers[copy] = [self.snapshots[write]]
            self.fusion.stored[copy] = self.fusion.stored[node]
        inner = _kernel(write.group, [*write.expressions[:-1], copy], self.fusion.stored)
        write.expressions, write.order, write.reads = inner.expressions, inner.order, inner.reads
        return True


# -- order -----------------------------------------------------------------------------------------
class _Order:
    """Kernels as early as their edges allow, and else as they were (Kahn, "Topological sorting of
    large networks", 1962). Takes back what the choice made impossible."""

    def __init__(self, choice: _Choice) -> None:
        self.choice = choice
        self.kernels = choice.kernels
        self.number = {kernel: i for i, kernel in enumerate(self.kernels)}
        self.after: list[list[int]] = [[] for _ in self.kernels]       # who waits for a kernel
        self.overwriters: list[list[int]] = [[] for _ in self.kernels]  # who waits since it reads
        self.missing = [0] * len(self.kernels)
        self.readers = [0] * len(self.kernels)  # that an overwriter still waits for
        self.add_hard_edges()
        self.add_soft_edges()

    def add_hard_edges(self) -> None:
        """Read after write, write after write."""
        for kernel in self.kernels:
            for node in kernel.reads:
                if node in self.choice.makers:
                    self.edge(self.after, self.missing, self.choice.makers[node][-1], kernel)
        for makers in self.choice.makers.values():
            for earlier, later in pairwise(makers):
                self.edge(self.after, self.missing, earlier, later)
        for node, old in self.choice.over.items():
            if old in self.choice.makers:
                last, first = self.choice.makers[old][-1], self.choice.first[node]
                self.edge(self.after, self.missing, last, first)

    def add_soft_edges(self) -> None:
        """Write after read."""
        overwriter = {old: node for node, old in self.choice.over.items()}
        for kernel in self.kernels:
            for old in kernel.reads:
                node = overwriter.get(old)
                if node is None or kernel is self.choice.copies.get(node):
                    continue
                if kernel is not self.choice.first[node]:
                    first = self.choice.first[node]
                    self.edge(self.overwriters, self.readers, kernel, first)

    def edge(
        self, edges: list[list[int]], waiting: list[int], earlier: Kernel, later: Kernel
    ) -> None:
        edges[self.number[earlier]].append(self.number[later])
        waiting[self.number[later]] += 1

    def run(self) -> list[Kernel]:
        """All kernels, each after what it waits for."""
        ready: list[int] = []
        held: list[int] = []  # these wait for readers only
        order: list[Kernel] = []

        def release(number: int) -> None:
            if not self.missing[number]:
                heapq.heappush(held if self.readers[number] > 0 else ready, number)

        for number in range(len(self.kernels)):
            release(number)
        done: set[int] = set()
        while len(done) < len(self.kernels):
            number = heapq.heappop(ready or held)
            if number in done:
                continue
            if self.readers[number] > 0:
                self.give_up(number)
            done.add(number)
            order.append(self.kernels[number])
            for later in self.after[number]:
                self.missing[later] -= 1
                release(later)
            for later in self.overwriters[number]:
                self.readers[later] -= 1
                if self.readers[later] == 0:
                    release(later)
        return order

    def give_up(self, number: int) -> None:
        """A kernel writes into memory of its own after all."""
        self.readers[number] = 0
        for node in self.kernels[number].writes:
            if self.choice.first.get(node) is self.kernels[number]:
                self.choice.over.pop(node, None)
