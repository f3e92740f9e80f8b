"""Linear kernels as C99 text.

What the text relies on, beyond the standard, holds for gcc and clang:
- no header: types come from predefined macros, `sqrt` and `memcpy` are builtins that are inlined;
- a conversion to a narrower signed type wraps, `>>` of a negative number fills with the sign;
- memory may be read as another type than it was written (-fno-strict-aliasing);
- float arithmetic rounds to its own type, once, in the mode that is set (no -ffast-math, no
  contraction, SSE2 or better on x86). OPAQUE is the value itself: a compiler that keeps IEEE 754
  may replace an operation only by one with the same result, so there is nothing to hide from it.
The prelude refuses to compile where the last point does not hold.

Integers wrap: arithmetic is done in an unsigned type of at least 32 bits, since C promotes narrower
ones to `int`, whose overflow is undefined, and converted back. Where the ranges of loop variables
prove that nothing wraps, as for nearly every address, it stays signed: compilers see consecutive
addresses, and so make vectors, only there.

A kernel sets rounding to nearest and subnormals on, and restores its caller's mode. The body is a
function of its own that is never inlined, so that no operation moves across the switch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from engine import dtypes
from engine.backends.base import Language
from engine.backends.remarks import remarked
from engine.dtypes import DType
from engine.linear import Function, Instruction, LinearKernel, alone
from engine.ops import Axis, Op, Operation

VERSION = 1  # of the text: part of the cache key
LANGUAGE = Language("C", "//")

PRELUDE = """\
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "lockstep: IEEE 754 arithmetic is needed, and a flag for fast arithmetic is set"
#endif
#if __FLT_EVAL_METHOD__ != 0
#error "lockstep: float arithmetic must round to its own type (x87 does not)"
#endif
typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;

static inline float float_of(uint32_t bits) {
  float x; __builtin_memcpy(&x, &bits, sizeof x); return x;
}
static inline uint32_t bits_of_float(float x) {
  uint32_t bits; __builtin_memcpy(&bits, &x, sizeof x); return bits;
}
static inline double double_of(uint64_t bits) {
  double x; __builtin_memcpy(&x, &bits, sizeof x); return x;
}
static inline uint64_t bits_of_double(double x) {
  uint64_t bits; __builtin_memcpy(&bits, &x, sizeof x); return bits;
}

/* Rounding to nearest, subnormals kept, nothing trapped. */
#if defined(__x86_64__)
static inline uint64_t enter_mode(void) {
  uint64_t saved = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(0x1F80);
  return saved;
}
static inline void leave_mode(uint64_t saved) { __builtin_ia32_ldmxcsr((unsigned)saved); }
#elif defined(__aarch64__)
static inline uint64_t enter_mode(void) {
  uint64_t saved, mode = 0;
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved) : : "memory");
  __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory");
  return saved;
}
static inline void leave_mode(uint64_t saved) {
  __asm__ volatile("msr fpcr, %0" : : "r"(saved) : "memory");
}
#else
static inline uint64_t enter_mode(void) { return 0; }
static inline void leave_mode(uint64_t saved) { (void)saved; }
#endif
"""

_SIGNATURE = "(void **buffers, const int64_t *variables, int64_t start, int64_t end)"
_C_TYPES = {
    dtypes.bool_: "_Bool",
    dtypes.float32: "float",
    dtypes.float64: "double",
    **{row: f"{row.name}_t" for row in dtypes.TENSOR_DTYPES if row.is_int},
}
Interval: TypeAlias = tuple[int, int]


def function(kernel: LinearKernel, name: str, remarks: bool = False) -> str:
    """The C function `name` of a kernel. ValueError for what this target cannot have."""
    subroutines = "".join(_subroutine(inner, name, remarks) for inner in kernel.functions)
    body = _body(Scope(kernel, name, remarks=remarks))
    return f"""{subroutines}
static __attribute__((noinline)) void {name}_body{_SIGNATURE} {{
{body}
}}
void {name}{_SIGNATURE} {{
  const uint64_t mode = enter_mode();
  {name}_body(buffers, variables, start, end);
  leave_mode(mode);
}}
"""


def _body(scope: Scope) -> str:
    lines: list[str] = []
    depth = 1
    for item in scope.kernel.instructions:
        depth -= item.op is Op.END
        found = scope.statements(item)
        if scope.remarks:
            found = remarked(found, LANGUAGE, item, scope.function)
        lines += [f"{'  ' * depth}{line}" for line in found]
        depth += item.op is Op.LOOP
    return "\n".join(lines)


def _subroutine(inner: Function, name: str, remarks: bool) -> str:
    """A function of the kernel `name`, which its body alone calls."""
    operands = ", ".join(f"const {c_type(item.dtype)} a{item.arg}" for item in inner.formals)
    return f"""
static __attribute__((noinline)) {c_type(inner.dtype)} {name}_{inner.name}({operands}) {{
{_body(Scope(alone(inner), name, inner.name, remarks))}
  return r{inner.result};
}}
"""


@dataclass
class Scope:
    """What is known of the registers written so far. `ranges`: what an integer can be, if known."""

    kernel: LinearKernel
    prefix: str = ""  # of the names of the kernel's functions
    function: str = ""  # the name of the one whose body this is
    remarks: bool = False
    dtypes: dict[int, DType] = field(default_factory=dict)
    ranges: dict[int, Interval] = field(default_factory=dict)
    split: bool = False  # whether the loop whose rounds the caller chooses has been opened

    def statements(self, item: Instruction) -> list[str]:
        """The lines of one instruction."""
        self._note_range(item)
        if item.out >= 0:
            self.dtypes[item.out] = item.dtype
        if item.op in STATEMENTS:
            return STATEMENTS[item.op](self, item)
        if item.op not in EXPRESSIONS:
            raise ValueError(f"kernel {self.kernel.name}: C has no row for {item.op}")
        return [f"const {c_type(item.dtype)} r{item.out} = {EXPRESSIONS[item.op](self, item)};"]

    def operand_dtype(self, item: Instruction) -> DType:
        """The dtype that the operation computes in."""
        return self.dtypes[item.src[0]]

    def _note_range(self, item: Instruction) -> None:
        """Keep the range of the result where it is known and lies in the dtype: no wraparound."""
        rule = _RANGES.get(item.op)
        if rule is None or item.dtype.kind not in ("int", "uint"):
            return
        found = rule(self, item)
        if found and item.dtype.min <= found[0] and found[1] <= item.dtype.max:
            self.ranges[item.out] = found

    def operand_ranges(self, item: Instruction) -> list[Interval] | None:
        """The ranges of all operands, or None."""
        found = [self.ranges[s] for s in item.src if s in self.ranges]
        return found if len(found) == len(item.src) else None


def c_type(dtype: DType) -> str:
    """ValueError for dtypes that must not arrive here: half, index and vectors."""
    if dtype not in _C_TYPES:
        raise ValueError(f"C has no type for {dtype}: it should have been decomposed")
    return _C_TYPES[dtype]


# -- ranges: Python's integers are exact, so a result outside of the dtype shows -------------------
def _corners(operate: Callable[[int, int], int]) -> Callable[[Scope, Instruction], Interval | None]:
    """For operations whose extremes lie at the ends of their operands' ranges."""

    def rule(scope: Scope, item: Instruction) -> Interval | None:
        known = scope.operand_ranges(item)
        if known is None:
            return None
        corners = [operate(x, y) for x in known[0] for y in known[1]]
        return min(corners), max(corners)

    return rule


def _by_positive_constant(
    operate: Callable[[Interval, int], Interval],
) -> Callable[[Scope, Instruction], Interval | None]:
    """For operations on a range that is not negative, with a positive constant."""

    def rule(scope: Scope, item: Instruction) -> Interval | None:
        known = scope.operand_ranges(item)
        if known is None or known[0][0] < 0 or known[1][0] != known[1][1] or known[1][0] <= 0:
            return None
        return operate(known[0], known[1][0])

    return rule


def _constant_range(scope: Scope, item: Instruction) -> Interval:
    value = int(item.dtype.decode(item.arg))
    return value, value


def _loop_range(scope: Scope, item: Instruction) -> Interval | None:
    end = scope.ranges.get(item.src[0])
    return end and (0, max(0, end[1] - 1))


def _argument_range(scope: Scope, item: Instruction) -> Interval:
    _, low, high = scope.kernel.variables[item.arg]
    return low, high


def _same_range(scope: Scope, item: Instruction) -> Interval | None:
    return scope.ranges.get(item.src[0])


_RANGES: dict[Operation, Callable[[Scope, Instruction], Interval | None]] = {
    Op.CONST: _constant_range,
    Op.ARGUMENT: _argument_range,
    Op.LOOP: _loop_range,
    Op.ADD: _corners(lambda x, y: x + y),
    Op.SUB: _corners(lambda x, y: x - y),
    Op.MUL: _corners(lambda x, y: x * y),
    Op.IDIV: _by_positive_constant(lambda x, y: (x[0] // y, x[1] // y)),
    Op.IREM: _by_positive_constant(lambda x, y: (0, min(x[1], y - 1))),
    Op.SHR: _by_positive_constant(lambda x, y: (x[0] >> y, x[1] >> y)),
    Op.SHL: _by_positive_constant(lambda x, y: (x[0] << y, x[1] << y)),
    Op.AND: _by_positive_constant(lambda x, y: (0, min(x[1], y))),
    Op.CONVERT: _same_range,
}


# -- expressions -----------------------------------------------------------------------------------
def _constant(scope: Scope, item: Instruction) -> str:
    return literal(item.dtype, item.arg)


def literal(dtype: DType, bits: int) -> str:
    """A C expression with exactly these bits."""
    if dtype.is_float:
        return _float_literal(dtype, bits)
    if dtype is dtypes.int32 and bits == 1 << 31:
        return "(-2147483647 - 1)"
    if dtype is dtypes.int64 and bits == 1 << 63:
        return "(-9223372036854775807LL - 1)"
    suffix = {dtypes.int64: "LL", dtypes.uint64: "ULL", dtypes.uint32: "U"}.get(dtype, "")
    return f"{int(dtype.decode(bits))}{suffix}"


def _float_literal(dtype: DType, bits: int) -> str:
    """Hexadecimal, which is exact; infinities and NaNs, which have no literal, from their bits."""
    single = dtype is dtypes.float32
    if bits & dtype.infinity == dtype.infinity:
        return f"float_of(0x{bits:08x}U)" if single else f"double_of(0x{bits:016x}ULL)"
    return f"{float(dtype.decode(bits)).hex()}{'f' if single else ''}"


def _table(scope: Scope, item: Instruction) -> list[str]:
    """Constants in memory, as bits; the name of the table is a pointer to its items."""
    raw = c_type(item.dtype.unsigned)
    numbers = [literal(item.dtype.unsigned, bits) for bits in item.arg]
    rows = [f"  {', '.join(numbers[i : i + 8])}," for i in range(0, len(numbers), 8)]
    return [
        f"static const {raw} r{item.out}_bits[{len(numbers)}] = {{",
        *rows,
        "};",
        f"const {c_type(item.dtype)} *const r{item.out} = (const void *)r{item.out}_bits;",
    ]


def _formal(scope: Scope, item: Instruction) -> str:
    return f"a{item.arg}"


def _call(scope: Scope, item: Instruction) -> str:
    operands = ", ".join(f"r{s}" for s in item.src)
    return f"{scope.prefix}_{item.arg}({operands})"


def _argument(scope: Scope, item: Instruction) -> str:
    return f"({c_type(item.dtype)})variables[{item.arg}]"


def _load(scope: Scope, item: Instruction) -> str:
    memory, place, *gate = item.src
    return f"r{gate[0]} ? r{memory}[r{place}] : 0" if gate else f"r{memory}[r{place}]"


def _arithmetic(symbol: str) -> Callable[[Scope, Instruction], str]:
    """ADD, SUB, MUL: floats round, integers wrap."""

    def render(scope: Scope, item: Instruction) -> str:
        x, y = item.src
        if item.dtype.is_float or (item.out in scope.ranges and item.dtype.bits >= 32):
            return f"r{x} {symbol} r{y}"
        wide = _wide(item.dtype)
        return f"({c_type(item.dtype)})(({wide})r{x} {symbol} ({wide})r{y})"

    return render


def _wide(dtype: DType) -> str:
    """An unsigned type that C does not promote: its arithmetic wraps."""
    return "uint64_t" if dtype.bits == 64 else "uint32_t"


def _shift_left(scope: Scope, item: Instruction) -> str:
    x, y = item.src
    if item.out in scope.ranges and item.dtype.bits >= 32:
        return f"r{x} << r{y}"
    return f"({c_type(item.dtype)})(({_wide(item.dtype)})r{x} << r{y})"


def _narrowed(symbol: str) -> Callable[[Scope, Instruction], str]:
    """Operators whose result is exact in `int` where operands are promoted to it."""

    def render(scope: Scope, item: Instruction) -> str:
        x, y = item.src
        return f"({c_type(item.dtype)})(r{x} {symbol} r{y})"

    return render


def _plain(symbol: str) -> Callable[[Scope, Instruction], str]:
    """Division of floats, comparisons: no dtype is narrower than the result."""
    return lambda scope, item: f"r{item.src[0]} {symbol} r{item.src[1]}"


def _not(scope: Scope, item: Instruction) -> str:
    x = item.src[0]
    return f"!r{x}" if item.dtype is dtypes.bool_ else f"({c_type(item.dtype)})~r{x}"


def _square_root(scope: Scope, item: Instruction) -> str:
    return f"__builtin_sqrt{'f' if item.dtype is dtypes.float32 else ''}(r{item.src[0]})"


def _convert(scope: Scope, item: Instruction) -> str:
    return f"({c_type(item.dtype)})r{item.src[0]}"


_FROM_FLOAT = {dtypes.float32: "bits_of_float", dtypes.float64: "bits_of_double"}
_TO_FLOAT = {dtypes.float32: "float_of", dtypes.float64: "double_of"}


def _bitcast(scope: Scope, item: Instruction) -> str:
    """Floats through their bits; integers of one width, and bool as the byte 0 or 1, convert."""
    source, target, text = scope.operand_dtype(item), item.dtype, f"r{item.src[0]}"
    if source.itemsize != target.itemsize:
        raise ValueError(f"kernel {scope.kernel.name}: bitcast from {source} to {target}")
    if source.is_float:
        text = f"{_FROM_FLOAT[source]}({text})"
    if target.is_float:
        return f"{_TO_FLOAT[target]}({text})"
    return f"({c_type(target)}){text}"


def _where(scope: Scope, item: Instruction) -> str:
    condition, x, y = item.src
    return f"r{condition} ? r{x} : r{y}"


def _opaque(scope: Scope, item: Instruction) -> str:
    return f"r{item.src[0]}"  # see the head of this file


# -- statements ------------------------------------------------------------------------------------
def _parameter(scope: Scope, item: Instruction) -> list[str]:
    slot, _ = item.arg
    access = "" if scope.kernel.parameters[slot].written else "const "
    return [f"{access}{c_type(item.dtype)} *const r{item.out} = buffers[{slot}];"]


def _loop(scope: Scope, item: Instruction) -> list[str]:
    """The outermost global loop runs the rounds it is asked for; end < 0 asks for all of them."""
    counter, limit, of = f"r{item.out}", f"r{item.src[0]}", c_type(item.dtype)
    if scope.split or item.arg[1] != Axis.GLOBAL:
        return [f"for ({of} {counter} = 0; {counter} < {limit}; {counter}++) {{"]
    scope.split = True
    return [
        f"const {of} {counter}_end = end < 0 || end > {limit} ? {limit} : ({of})end;",
        f"for ({of} {counter} = ({of})start; {counter} < {counter}_end; {counter}++) {{",
    ]


def _carry(scope: Scope, item: Instruction) -> list[str]:
    return [f"{c_type(item.dtype)} r{item.out} = r{item.src[0]};"]


def _end(scope: Scope, item: Instruction) -> list[str]:
    """New values are all read before any is written: carried values may swap."""
    pairs = list(zip(item.src[1::2], item.src[2::2], strict=True))
    if len(pairs) < 2:
        return [f"  r{old} = r{new};" for old, new in pairs] + ["}"]
    read = [f"  const {c_type(scope.dtypes[old])} r{old}_next = r{new};" for old, new in pairs]
    return [*read, *(f"  r{old} = r{old}_next;" for old, _ in pairs), "}"]


def _write(scope: Scope, item: Instruction) -> list[str]:
    memory, place, value, *gate = item.src
    condition = f"if (r{gate[0]}) " if gate else ""
    return [f"{condition}r{memory}[r{place}] = r{value};"]


# What C can do is what has a row here.
EXPRESSIONS: dict[Operation, Callable[[Scope, Instruction], str]] = {
    Op.CONST: _constant,
    Op.ARGUMENT: _argument,
    Op.FORMAL: _formal,
    Op.CALL: _call,
    Op.LOAD: _load,
    Op.ADD: _arithmetic("+"),
    Op.SUB: _arithmetic("-"),
    Op.MUL: _arithmetic("*"),
    Op.DIV: _plain("/"),
    Op.SQRT: _square_root,
    Op.IDIV: _narrowed("/"),
    Op.IREM: _narrowed("%"),
    Op.AND: _narrowed("&"),
    Op.OR: _narrowed("|"),
    Op.XOR: _narrowed("^"),
    Op.NOT: _not,
    Op.SHL: _shift_left,
    Op.SHR: _narrowed(">>"),
    Op.CONVERT: _convert,
    Op.BITCAST: _bitcast,
    Op.WHERE: _where,
    Op.LT: _plain("<"),
    Op.EQ: _plain("=="),
    Op.NE: _plain("!="),
    Op.OPAQUE: _opaque,
}
STATEMENTS: dict[Operation, Callable[[Scope, Instruction], list[str]]] = {
    Op.PARAM: _parameter,
    Op.TABLE: _table,
    Op.LOOP: _loop,
    Op.CARRY: _carry,
    Op.END: _end,
    Op.WRITE: _write,
}
