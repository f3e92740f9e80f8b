"""The public lazy API, one file per noun. It builds graph and computes nothing."""

from engine.tensor.tensor import Tensor
from engine.tensor.variable import Variable

__all__ = ["Tensor", "Variable"]
