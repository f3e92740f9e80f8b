"""Which temporaries of a schedule share memory."""

from __future__ import annotations

from engine.steps import Place, Schedule, Slot


def plan_memory(schedule: Schedule, share: bool) -> None:
    """Give every temporary a place; temporaries whose lives do not overlap may share one.

    Versions of one temporary have one life. A place is reused only on its own device and only by a
    step after the last reader's.
    """
    memory = schedule.memory()
    last: dict[int, int] = {}
    for number, item in enumerate(schedule.items):
        for slot in item.slots:
            last[memory[slot]] = number
    free: dict[str, list[int]] = {}
    ending: dict[int, list[int]] = {}
    placed: dict[int, int] = {}
    for number, item in enumerate(schedule.items):
        for slot in dict.fromkeys(memory[slot] for slot in item.slots):
            row = schedule.slots[slot]
            if row.source[0] != "temporary" or slot in placed:
                continue
            placed[slot] = _place(schedule, row, free.setdefault(row.device, []))
            ending.setdefault(last[slot], []).append(slot)
        for slot in ending.get(number, []) if share else []:
            free[schedule.slots[slot].device].append(placed[slot])
    for slot, place in placed.items():
        row = schedule.slots[slot]
        schedule.slots[slot] = Slot(row.dtype, row.size, row.device, ("temporary", place))


def _place(schedule: Schedule, row: Slot, free: list[int]) -> int:
    """The smallest free place that is large enough, else the largest one grown, else a new one."""
    need = max(1, row.size) * row.dtype.itemsize
    places = schedule.places
    fitting = [p for p in free if places[p].nbytes >= need]
    if fitting:
        best = min(fitting, key=lambda p: places[p].nbytes)
    elif free:
        best = max(free, key=lambda p: places[p].nbytes)
        places[best].nbytes = need
    else:
        places.append(Place(row.device, need))
        return len(places) - 1
    free.remove(best)
    return best
