"""What an adapter's float32 is worth, measured: kernels run on it, numpy says what is due.

WGSL asks for correctly rounded sums, differences and products, but lets an implementation flush
subnormals, assume that there are no NaNs, and compute what it knows at compile time as it likes.
Each row of PROBES is a small kernel in the form in which all kernels reach the device, over
operands that are edges and random bits; a driver is certified when every row has the bits of IEEE
754.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from engine.linear import LinearKernel, parse
from engine.ops import Axis

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint32]

RANDOM = 2048  # random operands beside all pairs of edges
EDGES = (
    0x00000000, 0x00000001, 0x00400000, 0x007FFFFF, 0x00800000, 0x00800001, 0x0C000000, 0x33800000,
    0x3F000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x40490FDB, 0x4B000000, 0x4B800001, 0x7F000000,
    0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x7F800001,
)  # fmt: skip
COUNT = (2 * len(EDGES)) ** 2 + 2 * RANDOM
LOOP = 200_000  # rounds that no driver may cut short: Mesa before 23 stops at 65,535


class Device(Protocol):
    """What the probes need of a backend."""

    def compile(self, kernels: Sequence[LinearKernel]) -> Sequence[Any]: ...

    def allocate(self, nbytes: int) -> Any: ...

    def render(self, kernels: Sequence[LinearKernel]) -> str: ...


@dataclass(frozen=True)
class Probe:
    """Instructions on r10 and r11, which are x and y; the last is r20. `due` is what numpy has."""

    name: str
    body: str
    due: Callable[[Any, Any], Any]
    operand: str = "float32"
    result: str = "float32"
    operands: Callable[[Words], Words] = lambda words: words


def _binary(name: str, operation: str, due: Callable[[Any, Any], Any]) -> Probe:
    return Probe(name, f"r20 float32 = {operation} r10 r11", due)


def _zero(x: Any) -> Any:
    import numpy as np

    return np.zeros_like(x)


def _in_range(words: Words) -> Words:
    """Floats that an int32 can hold: the exponent at most 30 above that of one."""
    import numpy as np

    exponent = ((words >> np.uint32(23)) & np.uint32(0xFF)) % np.uint32(127 + 31)
    return (words & np.uint32(0x807FFFFF)) | (exponent << np.uint32(23))


PROBES: tuple[Probe, ...] = (
    _binary("x + y", "ADD", lambda x, y: x + y),
    _binary("x - y", "SUB", lambda x, y: x - y),
    _binary("x * y", "MUL", lambda x, y: x * y),
    Probe("x - x", "r20 float32 = SUB r10 r10", lambda x, y: x - x),
    Probe(
        "x * 0", "r12 float32 = CONST [0]\nr20 float32 = MUL r10 r12", lambda x, y: x * _zero(x)
    ),
    Probe(
        "x + 0", "r12 float32 = CONST [0]\nr20 float32 = ADD r10 r12", lambda x, y: x + _zero(x)
    ),
    Probe(
        "0 - x", "r12 float32 = CONST [0]\nr20 float32 = SUB r12 r10", lambda x, y: _zero(x) - x
    ),
    Probe(
        "(x + y) - y",
        "r12 float32 = ADD r10 r11\nr20 float32 = SUB r12 r11",
        lambda x, y: (x + y) - y,
    ),
    Probe(
        "x * y + x",
        "r12 float32 = MUL r10 r11\nr20 float32 = ADD r12 r10",
        lambda x, y: x * y + x,
    ),
    Probe(
        "x * y - y",
        "r12 float32 = MUL r10 r11\nr20 float32 = SUB r12 r11",
        lambda x, y: x * y - y,
    ),
    Probe(
        "float32 of int32", "r20 float32 = CONVERT r10", lambda x, y: x.astype("float32"), "int32"
    ),
    Probe(
        "float32 of uint32", "r20 float32 = CONVERT r10", lambda x, y: x.astype("float32"), "uint32"
    ),
    Probe(
        "int32 of float32", "r20 int32 = CONVERT r10", lambda x, y: x.astype("int32"),
        result="int32", operands=_in_range,
    ),
)  # fmt: skip

_LOOP_KERNEL = f"""\
kernel rounds global 1
param uint32 1 out
r0 uint32 = PARAM [(0, 1)]
r1 int32 = CONST [0]
r2 int32 = CONST [{LOOP}]
r3 uint32 = CONST [0]
r4 uint32 = CONST [1]
r5 uint32 = CARRY r3
r6 int32 = LOOP r2 [((0,), 'reduce')]
r7 uint32 = ADD r5 r4
uint32 = END r6 r5 r7
uint32 = WRITE r0 r1 r5
"""


@dataclass(frozen=True)
class Profile:
    """The result: which probes failed, and after how many rounds a loop is cut short (0: never)."""

    failed: tuple[str, ...]
    rounds: int

    @classmethod
    def parse(cls, text: bytes) -> Profile:
        """What `dump` wrote."""
        known = json.loads(text)
        return cls(tuple(map(str, known["failed"])), int(known["rounds"]))

    def dump(self) -> bytes:
        """The profile as JSON."""
        return json.dumps({"failed": self.failed, "rounds": self.rounds}).encode()

    @property
    def float32(self) -> bool:
        """Whether the device's own float32 has the right bits."""
        return not self.failed

    def describe(self) -> str:
        """One line for people."""
        wrong = ", ".join(self.failed)
        floats = f"float32 from integers ({wrong})" if wrong else "float32 certified"
        loops = f"; loops end after {self.rounds} rounds" if self.rounds else ""
        return f"{floats}{loops}"


def fingerprint(device: Device) -> str:
    """Changes when a probe does, or what it is rendered to."""
    kernels = [*map(kernel, PROBES), loop_kernel()]
    return sha256(device.render(kernels).encode()).hexdigest()


def measure(device: Device) -> Profile:
    """Run every probe on the device."""
    x, y = operands()
    failed = [probe.name for probe in PROBES if not _holds(device, probe, x, y)]
    rounds = _rounds(device)
    return Profile(tuple(failed), 0 if rounds == LOOP else rounds)


def operands() -> tuple[Words, Words]:
    """All pairs of edges of either sign, then random bits; some are near each other."""
    import numpy as np

    edges = np.array([bits | sign for bits in EDGES for sign in (0, 1 << 31)], np.uint32)
    generator = np.random.default_rng(20)
    a = generator.integers(0, 1 << 32, RANDOM, np.uint32)
    b = generator.integers(0, 1 << 32, RANDOM, np.uint32)
    near = (a & np.uint32(0xFF800000)) | (b & np.uint32(0x807FFFFF))
    x = np.concatenate([np.repeat(edges, len(edges)), a, a])
    y = np.concatenate([np.tile(edges, len(edges)), b, near])
    return x, y


def _holds(device: Device, probe: Probe, x: Words, y: Words) -> bool:
    """Whether the device has the bits of numpy; any NaN is as good as another one."""
    a, b = probe.operands(x), probe.operands(y)
    found = _run(device, kernel(probe), a, b)
    return bool((_one_nan(probe, found) == due(probe, x, y)).all())


def due(probe: Probe, x: Words, y: Words) -> Words:
    """The bits that a probe must have; the NaN is 0x7FC00000."""
    import numpy as np

    a, b = probe.operands(x), probe.operands(y)
    with np.errstate(all="ignore"):
        results = probe.due(a.view(probe.operand), b.view(probe.operand))
    return _one_nan(probe, np.ascontiguousarray(results).view(np.uint32))


def _one_nan(probe: Probe, words: Words) -> Words:
    import numpy as np

    is_nan = (words & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
    return np.where(is_nan & (probe.result == "float32"), np.uint32(0x7FC00000), words)


def kernel(probe: Probe) -> LinearKernel:
    """A probe on COUNT operands: its results, then x and y, are the parameters."""
    count = COUNT
    size = (0, count), (1, count), (2, count)
    return parse(f"""\
kernel probe global {count}
param {probe.result} {count} out
param {probe.operand} {count} in
param {probe.operand} {count} in
r0 {probe.result} = PARAM [{size[0]}]
r1 {probe.operand} = PARAM [{size[1]}]
r2 {probe.operand} = PARAM [{size[2]}]
r3 int32 = CONST [{count}]
r4 int32 = LOOP r3 [((0,), '{Axis.GLOBAL}')]
r10 {probe.operand} = LOAD r1 r4
r11 {probe.operand} = LOAD r2 r4
{probe.body}
{probe.result} = WRITE r0 r4 r20
int32 = END r4
""")


def _run(device: Device, kernel: LinearKernel, *inputs: Words) -> Words:
    import numpy as np

    (program,) = device.compile([kernel])
    memories = []
    for parameter in kernel.parameters:
        memories.append(device.allocate(parameter.size * 4))
    for memory, words in zip(memories[1:], inputs, strict=True):
        memory.write(words.tobytes())
    program(memories, ())
    return np.frombuffer(memories[0].read(), np.uint32)


def _rounds(device: Device) -> int:
    """How many of LOOP rounds run."""
    return int(_run(device, loop_kernel())[0])


def loop_kernel() -> LinearKernel:
    """It counts the rounds of a loop of LOOP, in its only result."""
    return parse(_LOOP_KERNEL)
