"""The devices that the engine knows, as subjects of a check."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.harness.case import device_name, is_device_name, kind_of
from conformance.harness.check import Device
from conformance.harness.subject import EngineSubject, Subject, without_remedy


def under_test(names: Sequence[str] = (), full: bool = False) -> list[Device]:
    """The devices as they are here, for the full plan or the cover.

    A name may say what EMULATE takes away: `LLVM/only_words`. ValueError for a name that no device
    has, and for what cannot be taken away.
    """
    from engine.backends import registry
    from engine.target import Target, effective

    kinds = registry.known()
    chosen = [device_name(name) for name in names] or kinds
    unclear = [name for name in chosen if not is_device_name(name)]
    if unclear:
        raise ValueError(f"not the name of a device: {', '.join(map(repr, unclear))}")
    unknown = [name for name in chosen if kind_of(name) not in kinds]
    if unknown:
        raise ValueError(f"no such device: {', '.join(unknown)}; there are {', '.join(kinds)}")
    found = []
    names = list(dict.fromkeys(chosen))
    rows = {row.name: row for row in registry.info(sorted(set(map(kind_of, names))))}
    here = [name for name in names if rows[kind_of(name)].available]
    for name in names:
        info, subject = rows[kind_of(name)], EngineSubject(name)
        with subject.settings():
            effective(Target(name))  # ValueError for what cannot be taken away
        if info.available:
            driver = f"{info.hardware}, {info.detail}"
            found.append(Device(name, subject, full, place=here.index(name), places=len(here),
                                driver=driver))  # fmt: skip
        else:
            reason = without_remedy(info.detail, info.remedy)
            found.append(Device(name, None, full, reason, info.remedy))
    return found


def subjects_of(names: Sequence[str] = ()) -> dict[str, Subject]:
    """The subjects of these devices, of all without names, that can run here; errors as above."""
    return {row.name: row.subject for row in under_test(names) if row.subject is not None}


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
