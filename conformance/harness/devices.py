"""The devices that the engine knows, as subjects of a check."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.harness.case import is_device_name
from conformance.harness.check import Device
from conformance.harness.subject import EngineSubject, without_remedy


def under_test(names: Sequence[str] = (), full: bool = False) -> list[Device]:
    """The devices as they are here, for the full plan or the cover.

    ValueError for a name that no device has.
    """
    from engine.backends import registry

    rows = {row.name: row for row in registry.info()}
    kinds = list(rows)
    chosen = [name.upper() for name in names] or kinds
    unclear = [name for name in chosen if not is_device_name(name)]
    if unclear:
        raise ValueError(f"not the name of a device: {', '.join(map(repr, unclear))}")
    unknown = [name for name in chosen if name.partition(":")[0] not in kinds]
    if unknown:
        raise ValueError(f"no such device: {', '.join(unknown)}; there are {', '.join(kinds)}")
    found = []
    for name in dict.fromkeys(chosen):
        info = rows[name.partition(":")[0]]
        if info.available:
            found.append(Device(name, EngineSubject(name), full))
        else:
            reason = without_remedy(info.detail, info.remedy)
            found.append(Device(name, None, full, reason, info.remedy))
    return found


def versions() -> dict[str, str]:
    """The versions that a record should name."""
    import platform
    from importlib import metadata

    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("lockstep-tensor", "numpy", "mpmath", "llvmlite"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found
