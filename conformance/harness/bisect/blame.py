"""What bisecting a case says: one page, one line of JSON, one key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# Where a program can go wrong, in the order in which a program passes through.
STAGES: dict[str, str] = {
    "meaning": "what an operation of the graph means: the interpreter of tensors, or a function",
    "front end": "the graph that a call of the public API builds",
    "graph rules": "rules on the graph, before it is scheduled",
    "fusion": "which nodes are a kernel, and where it writes",
    "versions": "which version a kernel reads, and whose memory it takes",
    "memory plan": "which temporaries share memory",
    "lower": "a kernel's expression as loops and index arithmetic",
    "pass": "a pass over the loops of a kernel",
    "remembered": "results of passes that were remembered under a wrong key",
    "code": "a kernel's text or machine code on a device",
    "threads": "a kernel that is split among threads",
    "runtime": "launches, memory, caches: every kernel alone is right",
    "none": "nothing is wrong, or not again",
}
NOT_FOUND = "none"


@dataclass(frozen=True)
class Step:
    """One line of the way: what was compared with what is right, and how it compares."""

    what: str
    result: str  # "same", "differs", "raised", or "left out: why"


@dataclass(frozen=True)
class Place:
    """Where the bits change. Empty fields are what could not be told, or plays no part.

    `part` is the pass; `rule` the rule of it, or of the graph; `op` and `dtype` those of the
    smallest thing that is wrong by itself; `before` and `after` what the rule replaced by what;
    `text` a sentence; `kernel` the kernel as it was when it was last right; `code` the lines of a
    device's text that a wrong instruction became, marked, and those around them.
    """

    stage: str
    part: str = ""
    rule: str = ""
    op: str = ""
    dtype: str = ""
    text: str = ""
    before: str = ""
    after: str = ""
    kernel: str = ""
    code: str = ""

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ValueError(f"{self.stage!r} is no stage: {', '.join(STAGES)}")

    @property
    def name(self) -> str:
        """The stage, the pass and the rule, as reports name it."""
        words = [self.part if self.stage == "pass" else self.stage]
        return " / ".join(word for word in (*words, self.rule) if word)


@dataclass(frozen=True)
class Blame:
    """The result of bisecting one case.

    `verdict` is the kind of problem (`trial.outcome.KINDS`); `alone` the devices whose bits are
    wrong, or who raised; `device` the one that was bisected; `votes` what each device gave.
    """

    verdict: str
    device: str
    alone: tuple[str, ...]
    place: Place
    votes: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def key(self) -> str:
        """The bucket: place, operation, class of dtype, verdict. One cause has one key."""
        place = self.place
        return "; ".join((place.name, place.op or "-", dtype_class(place.dtype), self.verdict))

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps({"key": self.key, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Blame:
        """What `to_json` printed. ValueError, TypeError or KeyError for anything else."""
        row = json.loads(text)
        row.pop("key")
        steps = tuple(Step(**step) for step in row.pop("steps"))
        place, alone = Place(**row.pop("place")), tuple(row.pop("alone"))
        return cls(**row, place=place, alone=alone, steps=steps)


def dtype_class(name: str) -> str:
    """The class of a dtype in a key: kinds, and whether it is narrower or wider than a word."""
    if not name:
        return "-"
    from engine import dtypes

    row: Any = dtypes.as_dtype(name)
    if row.kind == "bool":
        return "bool"
    width = "narrow " if row.bits < 32 else "wide " if row.bits > 32 else ""
    return width + ("float" if row.is_float else "integer")
