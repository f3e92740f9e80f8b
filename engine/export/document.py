"""An exported function as plain data that JSON can hold: what the script of a page reads.

Bytes are base64. The probes are those of `webgpu_probe`, with the digests of what is due, so that a
page finds out by itself whether float32 holds on the adapter that it meets.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

from engine.backends import webgpu_probe
from engine.dtypes import DType
from engine.export.capture import Port
from engine.export.plan import Copy, Exported, Kernel, Plan, made_kernel

PROBED_ROUNDS = 10_000  # of loops in one invocation, from which a page asks how many there may be


def document(exported: Exported) -> dict[str, Any]:
    """The function as JSON values."""
    plans = [plan for plan in (exported.native, exported.integers) if plan is not None]
    longest = max((kernel.rounds for plan in plans for kernel in plan.kernels), default=0)
    ports = [*exported.inputs, *exported.outputs]
    inputs = zip(exported.inputs, exported.samples, strict=True)
    outputs = zip(exported.outputs, exported.digests, strict=True)
    return {
        "name": exported.name,
        "dtypes": {port.dtype.name: _dtype(port.dtype) for port in ports},
        "inputs": [{**_port(port), "sample": _base64(data)} for port, data in inputs],
        "outputs": [{**_port(port), "digest": digest} for port, digest in outputs],
        "holes": [h if isinstance(h, int) else _base64(h) for h in exported.holes],
        "values": _base64(exported.values),
        "native": _plan(exported.native),
        "integers": _plan(exported.integers),
        "probes": _probes() if exported.native is not None else None,
        "loop": _loop() if longest >= PROBED_ROUNDS else None,
    }


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _dtype(dtype: DType) -> dict[str, Any]:
    return {
        "kind": dtype.kind, "itemsize": dtype.itemsize, "bits": dtype.bits,
        "mantissa": dtype.mantissa_bits, "bias": dtype.bias, "specials": dtype.specials,
    }  # fmt: skip


def _port(port: Port) -> dict[str, Any]:
    return {"name": port.name, "dtype": port.dtype.name, "shape": list(port.shape)}


def _plan(plan: Plan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    largest, bound = plan.needs()
    return {
        "buffers": plan.buffers,
        "kernels": [_kernel(kernel) for kernel in plan.kernels],
        "steps": [
            {"copy": [step.source, step.target, step.nbytes]} if isinstance(step, Copy)
            else {"kernel": step.kernel, "buffers": step.buffers}
            for step in plan.steps
        ],
        "results": plan.results,
        "rounds": max((kernel.rounds for kernel in plan.kernels), default=0),
        "limits": {
            "maxBufferSize": largest, "maxStorageBuffersPerShaderStage": bound,
        },
    }  # fmt: skip


def _kernel(kernel: Kernel) -> dict[str, Any]:
    return {
        "name": kernel.name, "text": kernel.text, "sizes": kernel.sizes,
        "bindings": [[w.slot, w.offset, w.nbytes, w.written] for w in kernel.windows],
        "tables": _base64(kernel.tables), "grid": kernel.grid,
    }  # fmt: skip


# -- probes ----------------------------------------------------------------------------------------
def _probes() -> dict[str, Any]:
    """The operands, and for each probe its kernel and the digest of what is due."""
    x, y = webgpu_probe.operands()
    data: list[bytes] = []
    rows = []
    for probe in webgpu_probe.PROBES:
        given = [probe.operands(words).tobytes() for words in (x, y)]
        data += [words for words in given if words not in data]
        rows.append({
            "name": probe.name,
            "kernel": _kernel(made_kernel(webgpu_probe.kernel(probe))),
            "operands": [data.index(words) for words in given],
            "float": probe.result == "float32",
            "digest": sha256(webgpu_probe.due(probe, x, y).tobytes()).hexdigest(),
        })
    return {"data": [_base64(words) for words in data], "rows": rows}


def _loop() -> dict[str, Any]:
    """The kernel that counts rounds, and how many there are."""
    return {"kernel": _kernel(made_kernel(webgpu_probe.loop_kernel())), "rounds": webgpu_probe.LOOP}
