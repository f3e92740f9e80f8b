"""What networks are made of, in one mixin: contractions, windows, norms, losses, decompositions."""

from __future__ import annotations

from engine.tensor.contraction import Contraction
from engine.tensor.convolution import Convolution
from engine.tensor.interpolation import Interpolation
from engine.tensor.pooling import Pooling


class Neural(Contraction, Convolution, Pooling, Interpolation):
    """A part per noun, each in a file of its own."""
