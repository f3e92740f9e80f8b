"""What judging one program says: problems, and what the program reached."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

KINDS = ("bits", "oracle", "relation", "error", "crash", "timeout")


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a program on some devices.

    `kind` is one of

    - `bits`: not what the other devices, or the oracles and the other devices, give,
    - `oracle`: all devices agree, the reference does not,
    - `relation`: not what a related program gives on the same device,
    - `error`: the device raised,
    - `crash`, `timeout`: its process ended, or did not; isolation alone can tell.

    `value` is the output's number in the case, -1 where the whole program is meant; `op` and
    `dtypes` (of operands, then result) are those of the statement that makes it, empty for inputs.
    `way` says how the program ran, where there are several ways.
    """

    kind: str
    devices: tuple[str, ...]
    value: int
    op: str
    dtypes: tuple[str, ...]
    text: str
    way: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of problem: {', '.join(KINDS)}")


def print_problem(problem: Problem) -> str:
    """As JSON; `read_problem` reads it."""
    return json.dumps(asdict(problem))


def read_problem(text: str) -> Problem:
    """ValueError, KeyError or TypeError for anything else."""
    body = json.loads(text)
    names = {"devices": tuple(body["devices"]), "dtypes": tuple(body["dtypes"])}
    return Problem(**{**body, **names})


def worst(problems: Sequence[Problem]) -> Problem | None:
    """One that a process did not survive, else one that an oracle certifies, else the first."""
    order = ("crash", "timeout", "error", "oracle", "bits", "relation")
    return min(problems, key=lambda one: order.index(one.kind), default=None)


class Reached(NamedTuple):
    """One thing that a program reached.

    `what` is one of

    - `op`: `name` is that of a catalog row, `detail` are the dtypes of its operands and `edge` is a
      class of edge values among them, or empty,
    - `rule`: a rewrite rule of that name fired,
    - `pass`: a pass of that name changed a kernel,
    - `relation`: a related program of that name ran,
    - `kernels`: a device launched that many, of a class of numbers,
    - `statement`: `name` is what a statement of a sequence does, `detail` the dtype of what it
      makes or writes, and `edge` is `shared` where something else has memory of that,
    - `way`: a sequence ran in the way of that name.
    """

    what: str
    name: str
    detail: str = ""
    edge: str = ""


@dataclass(frozen=True)
class Outcome:
    """The judgement of one program: `outputs` in all, `compared` of them with the reference.

    Coverage counts how often a thing was reached, on every device of `ran`.
    """

    problems: tuple[Problem, ...] = ()
    outputs: int = 0
    compared: int = 0
    ran: tuple[str, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)  # devices that cannot run here: why
    coverage: Counter[Reached] = field(default_factory=Counter)
