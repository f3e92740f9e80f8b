"""torch's samples of its operators (OpInfo) as a further source of programs.

`ADAPTERS` has a row for each of torch's operators with a counterpart here: how one of its samples
is written as calls of this engine. `WITHOUT` names all others, with the reason.
"""

from __future__ import annotations

from conformance.harness.opinfo import (
    contraction,
    creation,
    elementwise,
    factorisation,
    index,
    movement,
    neural,
    reduction,
)
from conformance.harness.opinfo.adapter import Adapter
from conformance.harness.opinfo.without import WITHOUT

__all__ = ["ADAPTERS", "WITHOUT"]

_MODULES = (elementwise, movement, reduction, index, contraction, creation, neural, factorisation)

ADAPTERS: dict[str, Adapter] = {
    name: adapter for module in _MODULES for name, adapter in module.ADAPTERS.items()
}
