"""What hunts run on, and for how long: apart from what imports the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hounds:
    """The devices of a hunt.

    Programs run on the `first` and one `beside` it, which take turns, kernels below the tensor
    level on all but PYTHON among them; `sequences` run in every way on the first of theirs, and
    now and then on the others.
    """

    first: str
    beside: tuple[str, ...]
    sequences: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.first, *self.beside, *self.sequences)))


# Every backend that is always there, and targets that lack much.
ORDINARY = Hounds("LLVM", ("PYTHON", "LLVM/like_wgsl", "CPU", "LLVM/only_words"),
                  ("LLVM", "PYTHON"))  # fmt: skip
# For faults of classes that are those of one device.
OF_KIND = {"shaders": Hounds("LLVM", ("WEBGPU",), ("WEBGPU", "LLVM"))}
VECTORS = 3  # value vectors of a structure
RELATED_ONE_IN = 4  # draws are tried with a relation, which costs as much as another device
SECONDS = 120.0  # of processor time for each hunt
SHRINK_SECONDS = 60.0
CONTROLS = 2


def hounds(kind: str) -> Hounds:
    """The devices that hunt faults of a class, or controls."""
    return OF_KIND.get(kind, ORDINARY)
