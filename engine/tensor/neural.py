"""What networks are made of, in one mixin: contractions, windows, norms, losses, decompositions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Self

from engine.tensor.attention import Attention
from engine.tensor.contraction import Contraction
from engine.tensor.convolution import Convolution
from engine.tensor.factorisation import Factorisation
from engine.tensor.interpolation import Interpolation
from engine.tensor.losses import Losses
from engine.tensor.normalization import Normalization
from engine.tensor.pooling import Pooling


class Neural(
    Attention, Normalization, Losses, Contraction, Convolution, Pooling, Interpolation,
    Factorisation,
):
    """A part per noun, each in a file of its own."""

    def sequential(self, ll: Iterable[Callable[[Self], Self]]) -> Self:
        """What the functions make of the tensor, one after the other; of none the tensor itself."""
        return reduce(lambda x, function: function(x), ll, self)
