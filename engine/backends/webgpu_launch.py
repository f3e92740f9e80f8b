"""What WebGPU makes of kernels, whoever runs them: what they may use, sizes, grids and rounds.

Nothing here needs an adapter, so a page for a browser that is elsewhere is made of it too.
"""

from __future__ import annotations

from engine.backends.wgsl_module import WORKGROUP
from engine.barriers import workgroup_size
from engine.linear import LinearKernel, executed
from engine.ops import Op
from engine.target import TEST_TARGETS, Target

GROUPS = 65535  # workgroups along one dimension of a dispatch, in every implementation


def wgsl_target(
    name: str, float32: bool, max_buffers: int, features: tuple[str, ...] = (),
    buffer_bytes: int = 0,
) -> Target:
    """Words of 32 bits; float32 as WGSL has it, or made of integers like every other float.

    `max_buffers` is how many an implementation binds, and `buffer_bytes` how much of a buffer each
    of them shows (0: all); `features` are part of the cache's key.
    """
    row = TEST_TARGETS["like_wgsl" if float32 else "only_words"]
    return Target(
        name=name,
        arithmetic=row.arithmetic,
        storage=row.storage,
        ops=row.ops,
        grid=True,
        workgroup=WORKGROUP,
        store_granularity=4,
        max_unroll=16,  # drivers inline what is called, and take long over large kernels
        max_buffers=max_buffers,
        buffer_bytes=buffer_bytes,
        features=features,
    )


def rounds(kernel: LinearKernel) -> int:
    """How many rounds of loops one invocation runs, nested and consecutive ones together."""
    longest = max((high for _, _, high in kernel.variables), default=1)
    total = executed(kernel, lambda item: int(item.op is Op.LOOP), unknown=longest)
    return total // (max(1, kernel.global_size) * max(1, workgroup_size(kernel)))


def grid(kernel: LinearKernel, workgroup: int) -> tuple[int, int, int]:
    """Workgroups along x, y and z that have an invocation for every round of the global loop.

    `workgroup` is how many invocations one has. Where workgroups have a loop of their own, each
    round is one.
    """
    if workgroup_size(kernel):
        return groups(max(1, kernel.global_size))
    return groups(-(-max(1, kernel.global_size) // workgroup))


def groups(count: int) -> tuple[int, int, int]:
    """Workgroups along x and y, at least as many; the text knows how they are numbered."""
    if count <= GROUPS:
        return count, 1, 1
    return GROUPS, -(-count // GROUPS), 1
