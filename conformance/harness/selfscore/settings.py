"""What hunts run on, and for how long: apart from what imports the engine."""

from __future__ import annotations

FIRST = "LLVM"
# What runs beside the first device, in turn: every backend, and targets that lack much.
BESIDE = ("PYTHON", "LLVM/like_wgsl", "CPU", "LLVM/only_words")
VECTORS = 3  # value vectors of a structure
RELATED_ONE_IN = 4  # draws are tried with a relation, which costs as much as another device
SECONDS = 120.0  # of processor time for each hunt
SHRINK_SECONDS = 60.0
CONTROLS = 2
