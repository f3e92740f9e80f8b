"""Linear kernels -> LLVM IR text. The keys of `_BINARY` and the other tables are what LLVM can do.

No fast-math flag is ever printed, so LLVM neither contracts nor reassociates (LLVM Language
Reference, "Fast-Math Flags"). Values of dtype bool are i1; integer arithmetic has no nsw/nuw flag
and wraps. Every kernel is two functions: the body, and an entry that sets the floating-point
environment to round-to-nearest with subnormals, calls the body and restores the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine import dtypes
from engine.backends.base import Language
from engine.backends.remarks import remarked
from engine.dtypes import DType
from engine.linear import Function, Instruction, LinearKernel, alone
from engine.ops import Axis, Op, Operation

LANGUAGE = Language("LLVM IR", ";")
_SCALARS = {"float32": "float", "float64": "double", "bool": "i1"}
_SUFFIX = {"float": "f32", "double": "f64"}


def llvm_type(dtype: DType) -> str:
    """The LLVM type of a register."""
    scalar = _SCALARS.get(dtype.scalar.name) or f"i{dtype.bits}"
    return scalar if dtype.lanes == 1 else f"<{dtype.lanes} x {scalar}>"


def literal(dtype: DType, bits: int) -> str:
    """A scalar constant with exactly these bits: floats as the hexadecimal of their double."""
    if dtype.is_float:
        if dtype is dtypes.float64:
            return f"0x{bits:016X}"
        return f"0x{_widened(bits):016X}"
    return str(dtype.decode(bits)).lower()


def _widened(bits: int) -> int:
    """float32 bits as those of the double of the same value; a NaN keeps its payload on top."""
    magnitude = bits & 0x7FFFFFFF
    sign = (bits >> 31) << 63
    if magnitude > 0x7F800000:
        return sign | 0x7FF << 52 | (bits & 0x7FFFFF) << 29
    return dtypes.float64.encode(dtypes.float32.decode(magnitude)) | sign


# Operation -> (instruction for floats, signed, unsigned); None where the operation has none.
_BINARY: dict[Operation, tuple[str | None, str | None, str | None]] = {
    Op.ADD: ("fadd", "add", "add"),
    Op.SUB: ("fsub", "sub", "sub"),
    Op.MUL: ("fmul", "mul", "mul"),
    Op.DIV: ("fdiv", None, None),
    Op.IDIV: (None, "sdiv", "udiv"),
    Op.IREM: (None, "srem", "urem"),
    Op.AND: (None, "and", "and"),
    Op.OR: (None, "or", "or"),
    Op.XOR: (None, "xor", "xor"),
    Op.SHL: (None, "shl", "shl"),
    Op.SHR: (None, "ashr", "lshr"),
    Op.LT: ("fcmp olt", "icmp slt", "icmp ult"),
    Op.EQ: ("fcmp oeq", "icmp eq", "icmp eq"),
    Op.NE: ("fcmp une", "icmp ne", "icmp ne"),
}


def _column(dtype: DType) -> int:
    return 0 if dtype.is_float else 1 if dtype.is_signed else 2


class _Body:
    """Prints the body of one kernel."""

    def __init__(
        self, kernel: LinearKernel, functions: dict[str, str] | None = None, function: str = "",
        remarks: bool = False,
    ) -> None:
        self.kernel = kernel
        self.functions = functions or {}  # name -> symbol
        self.function = function  # the name of the one whose body this is
        self.remarks = remarks
        self.dtype: dict[int, DType] = {}
        self.value: dict[int, str] = {}
        self.lines: list[str] = []
        self.globals: list[str] = []
        self.intrinsics: set[str] = set()
        self.block = "entry"
        self.count = 0
        self.carries: list[Instruction] = []
        self.loops: list[tuple[int, list[Instruction], int]] = []

    def add(self, text: str) -> None:
        self.lines.append("  " + text)

    def fresh(self, text: str) -> str:
        """A line with a new name for its result."""
        self.count += 1
        name = f"%t{self.count}"
        self.add(f"{name} = {text}")
        return name

    def typed(self, register: int) -> str:
        return f"{llvm_type(self.dtype[register])} {self.value[register]}"

    def print(self, result: int = -1) -> None:
        """`result`: the register that a function returns."""
        for item in self.kernel.instructions:
            if item.out >= 0:
                self.dtype[item.out] = item.dtype
            first = len(self.lines)
            _PRINTERS[item.op](self, item)
            if self.remarks:
                self.lines[first:] = remarked(self.lines[first:], LANGUAGE, item, self.function)
        self.add("ret void" if result < 0 else f"ret {self.typed(result)}")

    # -- leaves ------------------------------------------------------------------------------------
    def parameter(self, item: Instruction) -> None:
        slot = self.fresh(f"getelementptr ptr, ptr %buffers, i64 {item.arg[0]}")
        self.value[item.out] = self.fresh(f"load ptr, ptr {slot}")

    def table(self, item: Instruction) -> None:
        name = f"@{self.kernel.name}.table{item.out}"
        kind = llvm_type(item.dtype)
        items = ", ".join(f"{kind} {literal(item.dtype, bits)}" for bits in item.arg)
        self.globals.append(f"{name} = private constant [{len(item.arg)} x {kind}] [{items}]")
        self.value[item.out] = name

    def argument(self, item: Instruction) -> None:
        place = self.fresh(f"getelementptr i64, ptr %variables, i64 {item.arg}")
        value = self.fresh(f"load i64, ptr {place}")
        if item.dtype.bits == 32:
            value = self.fresh(f"trunc i64 {value} to i32")
        self.value[item.out] = value

    def constant(self, item: Instruction) -> None:
        self.value[item.out] = literal(item.dtype, item.arg)

    def lanes(self, item: Instruction) -> None:
        scalar = llvm_type(item.dtype.scalar)
        self.value[item.out] = (
            "<" + ", ".join(f"{scalar} {i}" for i in range(item.dtype.lanes)) + ">"
        )

    # -- loops -------------------------------------------------------------------------------------
    def carry(self, item: Instruction) -> None:
        self.carries.append(item)

    def loop(self, item: Instruction) -> None:
        number, kind = item.out, llvm_type(item.dtype)
        start, end = "0", self.value[item.src[0]]
        if item.arg[1] == Axis.GLOBAL:
            start, end = self.global_part(item.dtype, end)
        before, self.block = self.block, f"body{number}"
        self.add(f"br label %head{number}")
        self.lines.append(f"head{number}:")
        self.value[number] = f"%r{number}"
        self.add(f"%r{number} = phi {kind} [ {start}, %{before} ], [ %n{number}, %next{number} ]")
        for carried in self.carries:
            out, init = carried.out, self.value[carried.src[0]]
            self.value[out] = f"%r{out}"
            self.add(
                f"%r{out} = phi {llvm_type(carried.dtype)} [ {init}, %{before} ], "
                f"[ @UPDATE{out}@, %next{number} ]"
            )
        self.loops.append((number, self.carries, len(self.lines)))
        self.carries = []
        self.add(f"%c{number} = icmp slt {kind} %r{number}, {end}")
        self.add(f"br i1 %c{number}, label %body{number}, label %exit{number}")
        self.lines.append(f"body{number}:")

    def global_part(self, dtype: DType, end: str) -> tuple[str, str]:
        """The rounds that this call runs; a negative end stands for all."""
        whole = end if dtype.bits == 64 else self.fresh(f"sext i32 {end} to i64")
        every = self.fresh("icmp slt i64 %end, 0")
        last = self.fresh(f"select i1 {every}, i64 {whole}, i64 %end")
        if dtype.bits == 64:
            return "%start", last
        return self.fresh("trunc i64 %start to i32"), self.fresh(f"trunc i64 {last} to i32")

    def end(self, item: Instruction) -> None:
        number, carries, head = self.loops.pop()
        self.add(f"br label %next{number}")
        self.lines.append(f"next{number}:")
        kind = llvm_type(self.dtype[number])
        self.add(f"%n{number} = add {kind} %r{number}, 1")
        self.add(f"br label %head{number}")
        self.lines.append(f"exit{number}:")
        self.block = f"exit{number}"
        updates = dict(zip(item.src[1::2], item.src[2::2], strict=True))
        for offset, carried in enumerate(carries):
            line = head - len(carries) + offset
            update = self.value[updates[carried.out]]
            self.lines[line] = self.lines[line].replace(f"@UPDATE{carried.out}@", update)

    # -- functions ---------------------------------------------------------------------------------
    def formal(self, item: Instruction) -> None:
        self.value[item.out] = f"%a{item.arg}"

    def call(self, item: Instruction) -> None:
        operands = ", ".join(self.typed(s) for s in item.src)
        name = self.functions[item.arg]
        self.value[item.out] = self.fresh(f"call {llvm_type(item.dtype)} @{name}({operands})")

    # -- memory ------------------------------------------------------------------------------------
    def address(self, memory: int, place: str, kind: str, dtype: DType) -> str:
        item = llvm_type(dtype.scalar)
        return self.fresh(f"getelementptr {item}, ptr {self.value[memory]}, {kind} {place}")

    def load(self, item: Instruction) -> None:
        memory, place, *gate = item.src
        if self.dtype[place].lanes > 1:
            self.value[item.out] = self.gather(item)
        elif not gate:
            address = self.address(memory, self.value[place], llvm_type(self.dtype[place]),
                                   item.dtype)
            kind, align = llvm_type(item.dtype), item.dtype.itemsize
            self.value[item.out] = self.fresh(f"load {kind}, ptr {address}, align {align}")
        elif item.dtype.lanes > 1:
            self.value[item.out] = self.masked_load(item)
        else:
            found = self.guarded(item, self.value[place], self.value[gate[0]])
            self.value[item.out] = found

    def guarded(self, item: Instruction, place: str, gate: str | None) -> str:
        """One item, or 0 where the gate is false: item 0, which exists, is read instead."""
        memory, index_kind = item.src[0], llvm_type(self.dtype[item.src[1]].scalar)
        if gate is not None:
            place = self.fresh(f"select i1 {gate}, {index_kind} {place}, {index_kind} 0")
        address = self.address(memory, place, index_kind, item.dtype)
        scalar = llvm_type(item.dtype.scalar)
        value = self.fresh(f"load {scalar}, ptr {address}, align {item.dtype.itemsize}")
        if gate is None:
            return value
        zero = literal(item.dtype.scalar, 0)
        return self.fresh(f"select i1 {gate}, {scalar} {value}, {scalar} {zero}")

    def lane(self, register: int, lane: int) -> str:
        return self.fresh(f"extractelement {self.typed(register)}, i32 {lane}")

    def gather(self, item: Instruction) -> str:
        """One load a lane."""
        result = "poison"
        kind, scalar = llvm_type(item.dtype), llvm_type(item.dtype.scalar)
        for lane in range(item.dtype.lanes):
            gate = self.lane(item.src[2], lane) if len(item.src) > 2 else None
            value = self.guarded(item, self.lane(item.src[1], lane), gate)
            result = self.fresh(f"insertelement {kind} {result}, {scalar} {value}, i32 {lane}")
        return result

    def mask(self, gate: int, lanes: int) -> str:
        if self.dtype[gate].lanes == lanes:
            return self.value[gate]
        return self.splat(self.value[gate], dtypes.bool_.vec(lanes))

    def masked_load(self, item: Instruction) -> str:
        memory, place, gate = item.src
        address = self.address(
            memory, self.value[place], llvm_type(self.dtype[place]), item.dtype
        )
        kind, lanes = llvm_type(item.dtype), item.dtype.lanes
        name = f"llvm.masked.load.{_overload(item.dtype)}.p0"
        self.intrinsics.add(f"declare {kind} @{name}(ptr, i32, <{lanes} x i1>, {kind})")
        mask = self.mask(gate, lanes)
        return self.fresh(
            f"call {kind} @{name}(ptr {address}, i32 {item.dtype.itemsize}, "
            f"<{lanes} x i1> {mask}, {kind} zeroinitializer)"
        )

    def write(self, item: Instruction) -> None:
        memory, place, value, *gate = item.src
        dtype = self.dtype[value]
        if self.dtype[place].lanes > 1:
            self.scatter(item)
            return
        address = self.address(memory, self.value[place], llvm_type(self.dtype[place]), dtype)
        if not gate:
            self.add(f"store {self.typed(value)}, ptr {address}, align {dtype.itemsize}")
            return
        self.masked_store(value, address, self.mask(gate[0], dtype.lanes), dtype)

    def masked_store(self, value: int, address: str, mask: str, dtype: DType) -> None:
        kind, lanes, operand = llvm_type(dtype), dtype.lanes, self.value[value]
        if lanes == 1:
            scalar, kind = kind, f"<1 x {kind}>"
            operand = self.fresh(f"insertelement {kind} poison, {scalar} {operand}, i32 0")
            mask = self.fresh(f"insertelement <1 x i1> poison, i1 {mask}, i32 0")
        name = f"llvm.masked.store.v{lanes}{_overload(dtype.scalar)}.p0"
        self.intrinsics.add(f"declare void @{name}({kind}, ptr, i32, <{lanes} x i1>)")
        self.add(
            f"call void @{name}({kind} {operand}, ptr {address}, i32 {dtype.itemsize}, "
            f"<{lanes} x i1> {mask})"
        )

    def scatter(self, item: Instruction) -> None:
        """One store a lane, in the order of the lanes."""
        memory, place, value, *gate = item.src
        dtype = self.dtype[value]
        index_kind = llvm_type(self.dtype[place].scalar)
        for lane in range(dtype.lanes):
            address = self.address(memory, self.lane(place, lane), index_kind, dtype)
            single = self.lane(value, lane)
            if gate:
                out = -2 - lane
                self.dtype[out], self.value[out] = dtype.scalar, single
                self.masked_store(out, address, self.lane(gate[0], lane), dtype.scalar)
            else:
                kind = llvm_type(dtype.scalar)
                self.add(f"store {kind} {single}, ptr {address}, align {dtype.itemsize}")

    # -- arithmetic --------------------------------------------------------------------------------
    def binary(self, item: Instruction) -> None:
        x, y = item.src
        name = _BINARY[item.op][_column(self.dtype[x])]
        assert name is not None, f"LLVM has no {item.op} on {self.dtype[x]}"
        self.value[item.out] = self.fresh(f"{name} {self.typed(x)}, {self.value[y]}")

    def sqrt(self, item: Instruction) -> None:
        kind = llvm_type(item.dtype)
        name = f"llvm.sqrt.{_overload(item.dtype)}"
        self.intrinsics.add(f"declare {kind} @{name}({kind})")
        self.value[item.out] = self.fresh(f"call {kind} @{name}({self.typed(item.src[0])})")

    def invert(self, item: Instruction) -> None:
        ones = "true" if item.dtype.kind == "bool" else "-1"
        if item.dtype.lanes > 1:
            scalar = llvm_type(item.dtype.scalar)
            ones = "<" + ", ".join([f"{scalar} {ones}"] * item.dtype.lanes) + ">"
        self.value[item.out] = self.fresh(f"xor {self.typed(item.src[0])}, {ones}")

    def where(self, item: Instruction) -> None:
        operands = ", ".join(self.typed(s) for s in item.src)
        self.value[item.out] = self.fresh(f"select {operands}")

    def same(self, item: Instruction) -> None:
        """OPAQUE: without fast-math flags LLVM changes no float arithmetic: nothing is needed."""
        self.value[item.out] = self.value[item.src[0]]

    def reinterpret(self, item: Instruction) -> None:
        self.value[item.out] = self.fresh(
            f"bitcast {self.typed(item.src[0])} to {llvm_type(item.dtype)}"
        )

    def convert(self, item: Instruction) -> None:
        source, target = self.dtype[item.src[0]], item.dtype
        name = _conversion(source, target)
        if name is None:
            self.value[item.out] = self.value[item.src[0]]
        else:
            self.value[item.out] = self.fresh(
                f"{name} {self.typed(item.src[0])} to {llvm_type(target)}"
            )

    # -- vectors -----------------------------------------------------------------------------------
    def splat(self, scalar: str, dtype: DType) -> str:
        kind, item, lanes = llvm_type(dtype), llvm_type(dtype.scalar), dtype.lanes
        if not scalar.startswith("%"):
            return "<" + ", ".join([f"{item} {scalar}"] * lanes) + ">"
        first = self.fresh(f"insertelement {kind} poison, {item} {scalar}, i32 0")
        zeros = f"<{lanes} x i32> zeroinitializer"
        return self.fresh(f"shufflevector {kind} {first}, {kind} poison, {zeros}")

    def broadcast(self, item: Instruction) -> None:
        self.value[item.out] = self.splat(self.value[item.src[0]], item.dtype)

    def slice(self, item: Instruction) -> None:
        if item.dtype.lanes == 1:
            self.value[item.out] = self.lane(item.src[0], item.arg)
            return
        picks = ", ".join(f"i32 {item.arg + i}" for i in range(item.dtype.lanes))
        kind = llvm_type(self.dtype[item.src[0]])
        self.value[item.out] = self.fresh(
            f"shufflevector {self.typed(item.src[0])}, {kind} poison, "
            f"<{item.dtype.lanes} x i32> <{picks}>"
        )


def _overload(dtype: DType) -> str:
    scalar = llvm_type(dtype.scalar)
    name = _SUFFIX.get(scalar, scalar)
    return name if dtype.lanes == 1 else f"v{dtype.lanes}{name}"


def _conversion(source: DType, target: DType) -> str | None:
    """The instruction of a CONVERT, None where the types are one."""
    if source.is_float and target.is_float:
        return "fpext" if target.bits > source.bits else "fptrunc"
    if source.is_float:
        return "fptosi" if target.is_signed else "fptoui"
    if target.is_float:
        return "sitofp" if source.is_signed else "uitofp"
    if target.bits < source.bits:
        return "trunc"
    if target.bits == source.bits:
        return None
    return "sext" if source.is_signed else "zext"


_PRINTERS: dict[Operation, Callable[[_Body, Instruction], None]] = {
    Op.PARAM: _Body.parameter,
    Op.TABLE: _Body.table,
    Op.ARGUMENT: _Body.argument,
    Op.FORMAL: _Body.formal,
    Op.CALL: _Body.call,
    Op.CONST: _Body.constant,
    Op.LANES: _Body.lanes,
    Op.CARRY: _Body.carry,
    Op.LOOP: _Body.loop,
    Op.END: _Body.end,
    Op.LOAD: _Body.load,
    Op.WRITE: _Body.write,
    **dict.fromkeys(_BINARY, _Body.binary),
    Op.SQRT: _Body.sqrt,
    Op.NOT: _Body.invert,
    Op.WHERE: _Body.where,
    Op.OPAQUE: _Body.same,
    Op.BITCAST: _Body.reinterpret,
    Op.CONVERT: _Body.convert,
    Op.BROADCAST: _Body.broadcast,
    Op.SLICE: _Body.slice,
}


# -- modules ---------------------------------------------------------------------------------------
# processor -> lines that save, set and restore the floating-point environment
_ENVIRONMENTS = {
    "x86_64": (
        "declare void @llvm.x86.sse.stmxcsr(ptr)\ndeclare void @llvm.x86.sse.ldmxcsr(ptr)",
        # 0x1F80: all exceptions masked, nearest, no FTZ, no DAZ (Intel SDM vol. 1, 10.2.3)
        """  %saved = alloca i32
  %wanted = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %saved)
  store i32 8064, ptr %wanted
  call void @llvm.x86.sse.ldmxcsr(ptr %wanted)""",
        "  call void @llvm.x86.sse.ldmxcsr(ptr %saved)",
    ),
    "aarch64": (
        "declare i64 @llvm.aarch64.get.fpcr()\ndeclare void @llvm.aarch64.set.fpcr(i64)",
        """  %saved = call i64 @llvm.aarch64.get.fpcr()
  call void @llvm.aarch64.set.fpcr(i64 0)""",
        "  call void @llvm.aarch64.set.fpcr(i64 %saved)",
    ),
}
_SIGNATURE = "(ptr %buffers, ptr %variables, i64 %start, i64 %end)"


def _subroutine(function: Function, name: str, remarks: bool) -> tuple[str, _Body]:
    """A function under the name that it has in the module."""
    body = _Body(replace(alone(function), name=name), None, function.name, remarks)
    body.print(function.result)
    operands = ", ".join(f"{llvm_type(item.dtype)} %a{item.arg}" for item in function.formals)
    lines = "\n".join(body.lines)
    head = f"define internal {llvm_type(function.dtype)} @{name}({operands}) noinline"
    return f"{head} {{\nentry:\n{lines}\n}}", body


def render(kernels: Sequence[LinearKernel], processor: str, remarks: bool = False) -> str:
    """One module with all kernels; `processor` is the first part of the target triple."""
    declare, enter, leave = _ENVIRONMENTS.get(processor, ("", "", ""))
    functions: list[str] = []
    tables: list[str] = []
    intrinsics: set[str] = set()
    symbols: dict[Function, str] = {}  # kernels share functions that are equal
    for kernel in kernels:
        for function in kernel.functions:
            if function not in symbols:
                symbols[function] = f"{function.name}.{len(symbols)}"
                text, inner = _subroutine(function, symbols[function], remarks)
                functions.append(text)
                tables += inner.globals
                intrinsics |= inner.intrinsics
        names = {row.name: symbols[row] for row in kernel.functions}
        body = _Body(kernel, names, remarks=remarks)
        body.print()
        tables += body.globals
        intrinsics |= body.intrinsics
        lines = "\n".join(body.lines)
        functions.append(
            f"define internal void @{kernel.name}.body{_SIGNATURE} noinline {{\n"
            f"entry:\n{lines}\n}}\n"
            f"define void @{kernel.name}{_SIGNATURE} {{\n{enter}\n"
            f"  call void @{kernel.name}.body{_SIGNATURE}\n{leave}\n  ret void\n}}"
        )
    return "\n".join([declare, *sorted(intrinsics), *tables, *functions])
