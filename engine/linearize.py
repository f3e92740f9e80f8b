"""Graph -> instruction list: every node in the outermost loop that it depends on.

A node's place is the innermost of the loops whose variables or carried values it uses; whatever a
loop does not change stands outside of it, with no pass to move it there. A fold stands where its
operands allow, and its loop with it.

A round reads all that it reads before it writes: what a kernel writes may lie where another of its
results is made of, at the same place, and need not be made of it itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.barriers import verify_barriers
from engine.graph import Node, toposort
from engine.linear import Function, Instruction, LinearKernel, Parameter
from engine.loops import loops_below
from engine.ops import Axis, Op, Operation
from engine.steps import Variables


# -- places ----------------------------------------------------------------------------------------
@dataclass
class _Place:
    """The body of a loop (`loop` is None for the kernel itself): nodes and inner loops in order."""

    loop: Node | None
    depth: int
    body: list[Node | _Place] = field(default_factory=list)
    fold: Node | None = None


class _Places:
    """Puts nodes into loops. Parallel loops nest in the order of their paths."""

    def __init__(self, order: Sequence[Node]) -> None:
        self.root = _Place(None, 0)
        self.of_loop: dict[Node, _Place] = {}
        self.open = loops_below(order)
        parallel = self.parallel_places([n for n in order if n.op is Op.WRITE])
        for node in reversed(order):  # outer folds before inner ones
            if node.op is Op.FOLD:
                place = _Place(node.src[0], self.innermost(node).depth + 1, fold=node)
                self.of_loop[node.src[0]] = place
        for node in order:
            if node.op not in (Op.SINK, Op.FUNCTION):
                place = self.innermost(node)
                place.body.append(self.of_loop[node.src[0]] if node.op is Op.FOLD else node)
        for outer, inner in parallel:  # behind all that the inner loop uses
            outer.body.append(inner)

    def parallel_places(self, writes: list[Node]) -> list[tuple[_Place, _Place]]:
        """Places for the loops around each write, as (outer, inner), inner ones first."""
        pairs: list[tuple[_Place, _Place]] = []
        for write in writes:
            outer = self.root
            parallel = [loop for loop in self.open[write] if loop.arg[1] != Axis.REDUCE]
            for loop in sorted(parallel, key=lambda n: n.arg[0]):
                if loop not in self.of_loop:
                    self.of_loop[loop] = _Place(loop, outer.depth + 1)
                    pairs.append((outer, self.of_loop[loop]))
                outer = self.of_loop[loop]
        return pairs[::-1]

    def innermost(self, node: Node) -> _Place:
        """The place of the deepest loop that the node depends on."""
        places = (self.of_loop[loop] for loop in self.open[node])
        return max(places, key=lambda place: place.depth, default=self.root)


# -- instructions ----------------------------------------------------------------------------------
class _Emitter:
    """Numbers registers and writes instructions, loop by loop."""

    def __init__(self, slots: tuple[int, ...], variables: Variables) -> None:
        self.slots = slots
        self.instructions: list[Instruction] = []
        self.register: dict[Node, int] = {}
        self.carried: dict[tuple[Node, int], int] = {}
        self.variables = variables
        self.count = 0

    def emit(
        self, op: Operation, node: Node, src: tuple[int, ...], arg: object, result: bool
    ) -> int:
        out = self.count if result else -1
        self.count += result
        self.instructions.append(Instruction(op, node.dtype, out, src, arg))
        return out

    def body(self, place: _Place) -> None:
        for item in place.body:
            if isinstance(item, _Place):
                self.loop(item)
            else:
                self.node(item)

    def node(self, node: Node) -> None:
        if node.op is Op.RANGE:
            return
        if node.op is Op.CARRY:
            self.register[node] = self.carried[node.src[0], node.arg]
        elif node.op is Op.PICK:
            self.register[node] = self.carried[node.src[0].src[0], node.arg]
        elif node.op is Op.SHUFFLE:
            self.register[node] = self.shuffle(node)
        else:
            src = tuple(self.register[s] for s in node.src if s.op is not Op.FUNCTION)
            op, arg = self.launch_argument(node)
            self.register[node] = self.emit(op, node, src, arg, op is not Op.WRITE)

    def shuffle(self, node: Node) -> int:
        """Each writes its own into memory of the workgroup, and reads another's when all have."""
        loop, number, x = (self.register[s] for s in node.src)
        size = _static_rounds(node.src[0])
        memory = self.emit(Op.SHARED, node, (), size, True)
        self.emit(Op.WRITE, node, (memory, loop, x), None, False)
        self.emit(Op.BARRIER, node, (), None, False)
        return self.emit(Op.LOAD, node, (memory, number), None, True)

    def launch_argument(self, node: Node) -> tuple[Operation, object]:
        """Operation and attribute, where buffers and variables go by their place in the launch."""
        if node.op is Op.PARAM:
            return Op.PARAM, (self.slots.index(node.arg[0]), node.arg[1])
        if node.op is Op.VARIABLE:
            return Op.ARGUMENT, self.variables.index(node.arg)
        if node.op is Op.CALL:
            return Op.CALL, node.src[0].arg
        if node.op is Op.FORMAL:
            return Op.FORMAL, node.arg[1]
        return node.op, node.arg

    def loop(self, place: _Place) -> None:
        loop, folded = place.loop, place.fold
        assert loop is not None
        starts: tuple[Node, ...] = () if folded is None else folded.src[1 : 1 + folded.arg]
        updates: tuple[Node, ...] = () if folded is None else folded.src[1 + folded.arg :]
        for number, start in enumerate(starts):
            out = self.emit(Op.CARRY, start, (self.register[start],), None, True)
            self.carried[loop, number] = out
        end = self.register[loop.src[0]]
        self.register[loop] = self.emit(Op.LOOP, loop, (end,), loop.arg, True)
        self.body(place)
        pairs: list[int] = []
        for number, update in enumerate(updates):
            pairs += [self.carried[loop, number], self.register[update]]
        self.emit(Op.END, loop, (self.register[loop], *pairs), None, False)


@dataclass(frozen=True)
class Launchable:
    """A kernel, and which slots of its step are its parameters: it need not use all."""

    kernel: LinearKernel
    slots: tuple[int, ...]


def linearize(sink: Node, name: str, variables: Variables) -> Launchable:
    """The instructions of a kernel. `variables` are in the order of launch arguments."""
    order = _outside_functions(sink)
    params = {n.arg[0]: n for n in order if n.op is Op.PARAM}
    slots = tuple(sorted(params))
    emitter = _Emitter(slots, variables)
    emitter.body(_Places(order).root)
    written = {n.src[0] for n in order if n.op is Op.WRITE}
    parameters = tuple(
        Parameter(params[s].dtype, params[s].arg[1], params[s] in written) for s in slots
    )
    shared = [n for n in order if n.op is Op.RANGE and n.arg[1] == Axis.GLOBAL]
    if len(shared) > 1:
        raise ValueError(f"{name}: {len(shared)} global loops, but a launch splits only one")
    size = _static_rounds(shared[0]) if shared else 1
    instructions = tuple(emitter.instructions)
    functions = tuple(_function(node) for node in order if node.op is Op.FUNCTION)
    kernel = LinearKernel(name, parameters, variables, size, instructions, functions)
    verify_barriers(kernel)
    return Launchable(kernel, slots)


def _outside_functions(root: Node) -> list[Node]:
    """All nodes, operands first, and writes last."""
    order = toposort([root], stop=lambda node: node.op is Op.FUNCTION)
    return sorted(order, key=lambda node: node.op in (Op.WRITE, Op.SINK))


def _function(node: Node) -> Function:
    """A subroutine: its operands first, in order."""
    result, *formals = node.src
    emitter = _Emitter((), ())
    emitter.body(_Places(toposort([*formals, result])).root)
    return Function(node.arg, tuple(emitter.instructions), emitter.register[result])


def _static_rounds(loop: Node) -> int:
    """Rounds of a loop, 0 if they depend on a variable."""
    end = loop.src[0]
    return int(end.dtype.decode(end.arg)) if end.op is Op.CONST else 0
