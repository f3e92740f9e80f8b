"""What networks are made of, in one mixin: contractions, windows, norms, losses, decompositions."""

from __future__ import annotations

from engine.tensor.contraction import Contraction
from engine.tensor.convolution import Convolution


class Neural(Contraction, Convolution):
    """A part per noun, each in a file of its own."""
