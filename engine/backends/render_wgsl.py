"""Bodies of linear kernels as WGSL text (WebGPU Shading Language, W3C).

What the text relies on is exact by the specification, section 15.7: integers of 32 bits wrap, and
sums, differences and products of f32 are correctly rounded. What the specification leaves open is
not used:
- A float is kept as its bits, in a u32, and becomes an f32 only as the operand of an operation. So
  moving, choosing and storing a float cannot change a NaN, and no constant is an f32, for which NaN
  and infinity would be refused.
- Floats are compared as integers: an implementation may assume that there are no NaNs.
- Implementations may reassociate and fuse, and Mesa folds x * 0, x + 0, x - x and (a + b) - b. So
  what an operation yields is combined by XOR with a zero that arrives at run time, and so is what
  stands on both of its sides and every operand that a driver could know: an operation is never seen
  together with another one, nor with a constant, be it the result of choices between constants.
  Results and operands have each a zero of their own, since XOR with the same one twice is none.
- Memory is `array<u32>`: one binding serves whatever dtype a kernel takes it for.
- Tables are memory too. As constants of the text they would be stored word by word by every
  invocation, which Mesa takes seconds to compile.

How often a loop runs is not known before run time either: drivers unroll what they can count, and
seven loops of two rounds inside of each other would be compiled for half a minute.

Drivers inline whatever is called, so that a kernel of a few hundred calls would be compiled for
minutes. Where calls are many, they go through one place: see `_through_one_place`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine import dtypes
from engine.backends.base import Language
from engine.backends.remarks import remarked
from engine.backends.wgsl_types import literal, wgsl_type
from engine.dtypes import DType
from engine.linear import Instruction, LinearKernel
from engine.ops import Axis, Op, Operation

ZERO = "launch.zero"
OPERAND_ZERO = "launch.operand_zero"
TABLES = "tables"
LANGUAGE = Language("WGSL", "//")

# The place of a float in the order of numbers: equal for both zeros. A NaN has none.
COMPARISONS = """\
fn place(x: u32) -> i32 {
  let size = bitcast<i32>(x & 0x7fffffffu);
  return select(size, -size, x > 0x7fffffffu);
}
fn ordered(x: u32, y: u32) -> bool {
  return max(x & 0x7fffffffu, y & 0x7fffffffu) <= 0x7f800000u;
}
fn less(x: u32, y: u32) -> bool { return ordered(x, y) && place(x) < place(y); }
fn equal(x: u32, y: u32) -> bool { return ordered(x, y) && place(x) == place(y); }
"""


def body(scope: Scope) -> str:
    """The lines of a kernel, or of a function of it. ValueError for what WGSL lacks."""
    lines = _block(scope, list(scope.kernel.instructions))
    return "\n".join(f"  {line}" for line in lines)


def _block(scope: Scope, items: Sequence[Instruction], read: Sequence[int] = ()) -> list[str]:
    """The lines of the instructions between the two ends of a loop, loops within included.

    `read` names the registers that the end of the loop reads.
    """
    steps = _steps(items)
    if _inlined(scope, steps) > INLINED:
        return _through_one_place(scope, steps, read)
    return [line for step in steps for line in _step(scope, step)]


def _steps(items: Sequence[Instruction]) -> list[list[Instruction]]:
    """Single instructions, and loops as a whole: from CARRY to END belongs to a loop what does."""
    steps: list[list[Instruction]] = []
    depth = 0
    for item in items:
        if depth:
            steps[-1].append(item)
        else:
            steps.append([item])
        depth += (item.op is Op.LOOP) - (item.op is Op.END)
    return steps


def _step(scope: Scope, step: Sequence[Instruction]) -> list[str]:
    first, *rest = step
    lines = scope.statements(first)
    if not rest:
        return lines
    *inner, end = rest
    lines += [f"  {line}" for line in _block(scope, inner, end.src)]
    return lines + scope.statements(end)


# -- many calls ------------------------------------------------------------------------------------
INLINED = 500  # instructions of called functions from which calls go through one place
CASES = 32  # of one switch


def _inlined(scope: Scope, steps: Sequence[Sequence[Instruction]]) -> int:
    """What inlining the calls of a block adds, beyond one copy of each function."""
    sizes = {function.name: len(function.instructions) for function in scope.kernel.functions}
    calls = [step[0].arg for step in steps if step[0].op is Op.CALL]
    return sum(sizes[name] for name in calls) - sum(sizes[name] for name in set(calls))


def _through_one_place(
    scope: Scope, steps: Sequence[Sequence[Instruction]], read: Sequence[int]
) -> list[str]:
    """A block as a loop around one call of each function.

    The block is cut behind its calls. A round runs the next piece, which leaves operands and the
    number of a function, and then that function; its result is there for the piece after. So each
    function is compiled once, however often it is called.
    """
    constants = [step for step in steps if step[0].op in (Op.CONST, Op.TABLE, Op.PARAM, Op.SHARED)]
    pieces: list[list[Sequence[Instruction]]] = [[]]
    for step in steps:
        if step not in constants:
            pieces[-1].append(step)
            if step[0].op is Op.CALL:
                pieces.append([])
    lines = [line for step in constants for line in _step(scope, step)]
    names = sorted({step[0].arg for step in steps if step[0].op is Op.CALL})
    functions = {f.name: f for f in scope.kernel.functions if f.name in names}
    for name in names:
        for formal in functions[name].formals:
            lines.append(f"var {name}_{formal.arg}: {wgsl_type(formal.dtype)};")
        lines.append(f"var {name}_result: {wgsl_type(functions[name].dtype)};")
    for register in _crossing(pieces, read):
        scope.kept.add(register.out)
        lines.append(f"var r{register.out}: {wgsl_type(register.dtype)};")
    chosen: list[list[str]] = []
    before: Instruction | None = None  # the call whose result a piece finds
    for piece in pieces:
        chosen.append(_piece(scope, piece, before))
        call = piece[-1][0] if piece else None
        before = call if call is not None and call.op is Op.CALL else None
        called = len(names) if before is None else names.index(before.arg)
        chosen[-1].append(f"called = {called};")
    calls: list[list[str]] = []
    for name in names:
        operands = ", ".join(f"{name}_{formal.arg}" for formal in functions[name].formals)
        calls.append([f"{name}_result = {scope.names}{name}({operands});"])
    return [
        *lines,
        f"for (var piece = 0; piece < {len(pieces)}; piece++) {{",
        "  var called: i32;",
        *(f"  {line}" for line in one_of("piece", chosen)),
        *(f"  {line}" for line in one_of("called", [*calls, []])),
        "}",
    ]


def one_of(number: str, texts: Sequence[Sequence[str]]) -> list[str]:
    """The text with a number, found in two steps where there are many.

    Drivers make of a switch a question for each case, one within the other: every round of a loop
    would ask them all, and a hundred are more than the stack of Mesa's compiler holds.
    """
    if len(texts) <= CASES:
        return _switch(number, texts)
    groups = [texts[first : first + CASES] for first in range(0, len(texts), CASES)]
    inner = [_switch(f"({number} - {k * CASES})", cases) for k, cases in enumerate(groups)]
    return one_of(f"({number} / {CASES})", inner)


def _switch(number: str, texts: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"switch {number} {{"]
    for case, text in enumerate(texts):
        label = "default" if case == len(texts) - 1 else f"case {case}"
        lines += [f"  {label}: {{", *(f"    {line}" for line in text), "  }"]
    return [*lines, "}"]


def _crossing(
    pieces: Sequence[Sequence[Sequence[Instruction]]], read: Sequence[int]
) -> list[Instruction]:
    """What one piece makes and another one reads, or the end of the loop.

    A call's result is made by the piece after it.
    """
    made: dict[int, int] = {}
    found: dict[int, Instruction] = {}
    rows = {step[0].out: step[0] for piece in pieces for step in piece}
    for number, piece in enumerate(pieces):
        for step in piece:
            made[step[0].out] = number + (step[0].op is Op.CALL)
            for item in step:
                for source in item.src:
                    if made.get(source, number) != number:
                        found[source] = rows[source]
    found.update({source: rows[source] for source in read if source in made})
    return list(found.values())


def _piece(
    scope: Scope, piece: Sequence[Sequence[Instruction]], before: Instruction | None
) -> list[str]:
    """The lines of a piece, which leaves the operands of the call that it ends with."""
    lines: list[str] = []
    if before is not None:
        lines += scope.remarked(before, scope.define(before, f"{before.arg}_result"))
    for step in piece:
        if step[0].op is Op.CALL:
            given = [f"{step[0].arg}_{k} = r{s};" for k, s in enumerate(step[0].src)]
            lines += scope.remarked(step[0], given)
        else:
            lines += _step(scope, step)
    return lines


@dataclass
class Scope:
    """What is known of the registers written so far.

    `names` is what the names of all that the module has of the kernel begin with.
    `outside` is what the module declares for the kernel and for each function. `tables` says where
    the constants of a table begin in TABLES. `large` names the buffers that are bound in windows.
    """

    kernel: LinearKernel
    outside: list[str]
    tables: Mapping[tuple[int, ...], int]
    names: str = ""
    function: str = ""  # the name of the one whose body this is
    remarks: bool = False
    large: frozenset[str] = frozenset()
    dtypes: dict[int, DType] = field(default_factory=dict)
    memory: dict[int, str] = field(default_factory=dict)  # register -> name of memory
    first: dict[int, int] = field(default_factory=dict)  # register of a table -> its first word
    known: set[int] = field(default_factory=set)  # constants, and what is computed of them alone
    opaque: set[int] = field(default_factory=set)  # from memory or hidden: no driver can know it
    kept: set[int] = field(default_factory=set)  # registers that are variables, declared before

    def statements(self, item: Instruction) -> list[str]:
        """The lines of one instruction."""
        return self.remarked(item, self._statements(item))

    def remarked(self, item: Instruction, lines: list[str]) -> list[str]:
        """Lines that an instruction has become, which say so if they are asked to."""
        return remarked(lines, LANGUAGE, item, self.function) if self.remarks else lines

    def _statements(self, item: Instruction) -> list[str]:
        if item.out >= 0:
            self.dtypes[item.out] = item.dtype
        if item.op in EXPRESSIONS or item.op is Op.LOAD:
            self._classify(item)
        if item.op in STATEMENTS:
            return STATEMENTS[item.op](self, item)
        if item.op not in EXPRESSIONS:
            raise ValueError(f"kernel {self.kernel.name}: WGSL has no row for {item.op}")
        return self.define(item, EXPRESSIONS[item.op](self, item))

    def _classify(self, item: Instruction) -> None:
        """What a driver can know of a result."""
        hidden = item.dtype.is_float and item.op in HIDDEN
        chosen = item.op in CHOICES and self.opaque.issuperset(item.src[CHOICES[item.op] :])
        if item.op is Op.LOAD or hidden or chosen:
            self.opaque.add(item.out)
        elif item.op is Op.CONST or (item.src and self.known.issuperset(item.src)):
            self.known.add(item.out)

    def define(self, item: Instruction, value: str, kind: str = "let") -> list[str]:
        """The register of an instruction gets its value."""
        self.dtypes[item.out] = item.dtype
        if item.out in self.kept:
            return [f"r{item.out} = {value};"]
        return [f"{kind} r{item.out}: {wgsl_type(item.dtype)} = {value};"]

    def word(self, memory: int, place: int) -> str:
        """What stands in a memory, or a table, at the place that a register names."""
        if memory in self.first:
            return f"{TABLES}[u32(r{place}) + {self.first[memory]}u]"
        name = self.memory[memory]
        if name in self.large:
            return f"load_{name}(u32(r{place}))"
        return f"{name}[{self.place(place)}]"

    def place(self, register: int) -> str:
        """A register as an index: a constant below 0 would be refused, also where no gate opens."""
        return f"u32(r{register})" if register in self.known else f"r{register}"

    def operand_dtype(self, item: Instruction) -> DType:
        """The dtype that the operation computes in."""
        return self.dtypes[item.src[0]]


# -- expressions -----------------------------------------------------------------------------------
def _float(scope: Scope, register: int) -> str:
    """A register as the operand of float arithmetic."""
    bits = f"r{register}"
    if register not in scope.opaque:
        bits = f"{bits} ^ {OPERAND_ZERO}"
    return f"bitcast<f32>({bits})"


def _arithmetic(symbol: str) -> Callable[[Scope, Instruction], str]:
    """ADD, SUB, MUL: floats round, integers wrap."""

    def render(scope: Scope, item: Instruction) -> str:
        x, y = item.src
        if not item.dtype.is_float:
            return f"r{x} {symbol} r{y}"
        first, second = _float(scope, x), _float(scope, y)
        if first == second:
            second = f"bitcast<f32>(r{y} ^ {ZERO})"
        return f"bitcast<u32>({first} {symbol} {second}) ^ {ZERO}"

    return render


def _integers(symbol: str) -> Callable[[Scope, Instruction], str]:
    return lambda scope, item: f"r{item.src[0]} {symbol} r{item.src[1]}"


def _logical(symbol: str, for_bools: str) -> Callable[[Scope, Instruction], str]:
    def render(scope: Scope, item: Instruction) -> str:
        used = for_bools if item.dtype is dtypes.bool_ else symbol
        return f"r{item.src[0]} {used} r{item.src[1]}"

    return render


def _shift(symbol: str) -> Callable[[Scope, Instruction], str]:
    return lambda scope, item: f"r{item.src[0]} {symbol} u32(r{item.src[1]})"


def _not(scope: Scope, item: Instruction) -> str:
    return f"{'!' if item.dtype is dtypes.bool_ else '~'}r{item.src[0]}"


def _less(scope: Scope, item: Instruction) -> str:
    x, y = item.src
    dtype = scope.operand_dtype(item)
    if dtype.is_float:
        return f"less(r{x}, r{y})"
    return f"!r{x} && r{y}" if dtype is dtypes.bool_ else f"r{x} < r{y}"


def _equal(symbol: str, sign: str) -> Callable[[Scope, Instruction], str]:
    def render(scope: Scope, item: Instruction) -> str:
        x, y = item.src
        is_float = scope.operand_dtype(item).is_float
        return f"{sign}equal(r{x}, r{y})" if is_float else f"r{x} {symbol} r{y}"

    return render


def _convert(scope: Scope, item: Instruction) -> str:
    """Between numbers; to bool by comparing, from bool by choosing."""
    x, source, target = item.src[0], scope.operand_dtype(item), item.dtype
    if target is dtypes.bool_:
        return f"r{x} != {literal(source, 0)}"
    if target.is_float:
        whole = f"select(0u, 1u, r{x})" if source is dtypes.bool_ else f"r{x}"
        return f"bitcast<u32>(f32({whole})) ^ {ZERO}"
    number = _float(scope, x) if source.is_float else f"r{x}"
    return f"{wgsl_type(target)}({number})"


def _bitcast(scope: Scope, item: Instruction) -> str:
    source, target = scope.operand_dtype(item), item.dtype
    if source.itemsize != target.itemsize or dtypes.bool_ in (source, target):
        raise ValueError(f"kernel {scope.kernel.name}: bitcast from {source} to {target}")
    return f"bitcast<{wgsl_type(target)}>(r{item.src[0]})"


def _where(scope: Scope, item: Instruction) -> str:
    """Mesa takes a choice of two constants that could be -1.0 and 0.0 for arithmetic, whatever
    their type: minus the condition as a number, which is -0.0 for the other one. By OR a constant
    stays hidden however many choices it goes through."""
    condition, x, y = item.src
    other = f"r{y}"
    if scope.known >= {x, y} and item.dtype is not dtypes.bool_:
        other = f"(r{y} | {wgsl_type(item.dtype)}({ZERO}))"
    return f"select({other}, r{x}, r{condition})"


# -- statements ------------------------------------------------------------------------------------
def _parameter(scope: Scope, item: Instruction) -> list[str]:
    scope.memory[item.out] = f"b{item.arg[0]}"
    return []


def _table(scope: Scope, item: Instruction) -> list[str]:
    scope.first[item.out] = scope.tables[item.arg]
    return []


def _shared(scope: Scope, item: Instruction) -> list[str]:
    name = scope.memory[item.out] = f"{scope.names}s{item.out}"
    scope.outside.append(f"var<workgroup> {name}: array<u32, {item.arg}>;")
    return []


def _load(scope: Scope, item: Instruction) -> list[str]:
    memory, place, *gate = item.src
    word, of = scope.word(memory, place), wgsl_type(item.dtype)
    value = word if of == "u32" else f"bitcast<{of}>({word})"
    if not gate:
        return scope.define(item, value)
    zero = scope.define(item, literal(item.dtype, 0), "var")
    return [*zero, f"if (r{gate[0]}) {{ r{item.out} = {value}; }}"]


def _loop(scope: Scope, item: Instruction) -> list[str]:
    """The global loop is what invocations share, and that of a workgroup; any other runs here."""
    counter, limit, of = f"r{item.out}", f"r{item.src[0]}", wgsl_type(item.dtype)
    if item.arg[1] == Axis.WORKGROUP:
        return [f"let {counter} = {of}(member);", "{"]
    if item.arg[1] == Axis.GLOBAL:
        return [f"let {counter} = {of}(number);", f"if (number < u32({limit})) {{"]
    end = f"{counter}_end"
    return [
        f"let {end} = {limit} + {of}({ZERO});",
        f"for (var {counter}: {of} = 0; {counter} < {end}; {counter}++) {{",
    ]


def _carry(scope: Scope, item: Instruction) -> list[str]:
    return scope.define(item, f"r{item.src[0]}", "var")


def _end(scope: Scope, item: Instruction) -> list[str]:
    """New values are all read before any is written: carried values may swap."""
    pairs = list(zip(item.src[1::2], item.src[2::2], strict=True))
    if len(pairs) < 2:
        return [f"  r{old} = r{new};" for old, new in pairs] + ["}"]
    read = [f"  let r{old}_next = r{new};" for old, new in pairs]
    return [*read, *(f"  r{old} = r{old}_next;" for old, _ in pairs), "}"]


def _write(scope: Scope, item: Instruction) -> list[str]:
    memory, place, value, *gate = item.src
    bits = f"r{value}"
    if wgsl_type(scope.dtypes[value]) != "u32":
        bits = f"bitcast<u32>({bits})"
    line = f"{scope.memory[memory]}[{scope.place(place)}] = {bits};"
    if scope.memory[memory] in scope.large:
        line = f"store_{scope.memory[memory]}(u32(r{place}), {bits});"
    return [f"if (r{gate[0]}) {{ {line} }}"] if gate else [line]


def _call(scope: Scope, item: Instruction) -> str:
    return f"{scope.names}{item.arg}({', '.join(f'r{s}' for s in item.src)})"


# Operations of floats whose results are hidden, and where the operands are, of which one is chosen.
HIDDEN = frozenset({Op.ADD, Op.SUB, Op.MUL, Op.CONVERT})
CHOICES = {Op.WHERE: 1, Op.BITCAST: 0, Op.OPAQUE: 0}

# What WGSL can do is what has a row here.
EXPRESSIONS: dict[Operation, Callable[[Scope, Instruction], str]] = {
    Op.CONST: lambda scope, item: literal(item.dtype, item.arg),
    Op.ARGUMENT: lambda scope, item: f"{wgsl_type(item.dtype)}(launch.v{item.arg})",
    Op.FORMAL: lambda scope, item: f"a{item.arg}",
    Op.CALL: _call,
    Op.ADD: _arithmetic("+"),
    Op.SUB: _arithmetic("-"),
    Op.MUL: _arithmetic("*"),
    Op.IDIV: _integers("/"),
    Op.IREM: _integers("%"),
    Op.AND: _logical("&", "&"),
    Op.OR: _logical("|", "|"),
    Op.XOR: _logical("^", "!="),
    Op.NOT: _not,
    Op.SHL: _shift("<<"),
    Op.SHR: _shift(">>"),
    Op.CONVERT: _convert,
    Op.BITCAST: _bitcast,
    Op.WHERE: _where,
    Op.LT: _less,
    Op.EQ: _equal("==", ""),
    Op.NE: _equal("!=", "!"),
    Op.OPAQUE: lambda scope, item: f"r{item.src[0]}",  # nothing is seen together with another one
}
STATEMENTS: dict[Operation, Callable[[Scope, Instruction], list[str]]] = {
    Op.PARAM: _parameter,
    Op.TABLE: _table,
    Op.SHARED: _shared,
    Op.BARRIER: lambda scope, item: ["workgroupBarrier();"],
    Op.LOAD: _load,
    Op.LOOP: _loop,
    Op.CARRY: _carry,
    Op.END: _end,
    Op.WRITE: _write,
}
