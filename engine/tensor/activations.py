"""Activations: composite functions of one tensor, each by the formula that its docstring states.

The formulas are evaluated step by step (`composite.py`), so their bits are the same on every
device. A NaN gives NaN. Limits are those of the function: a factor that goes to infinity where the
other vanishes is first limited to the largest finite number, so that infinity is never multiplied
by 0. bool and integer tensors are converted to the default float.
"""

from __future__ import annotations

import math
from typing import Self

from engine.dtypes import DType
from engine.tensor.casts import Casts
from engine.tensor.choices import Choices
from engine.tensor.composite import stepwise, stepwise_pair
from engine.tensor.functions import Functions


def _largest(dtype: DType) -> float:
    """The largest finite number of a float dtype."""
    return float(dtype.decode(dtype.largest))


class Activations(Choices, Functions, Casts):
    """What stands between the layers of a network."""

    def _not_below_finite(self) -> Self:
        """max(x, -M), M being the largest finite number: a factor of what vanishes at -inf."""
        return self.maximum(-_largest(self.dtype))

    # -- pieces of lines ---------------------------------------------------------------------------
    @stepwise
    def relu6(self) -> Self:
        """min(max(x, 0), 6) (Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010)."""
        return self._limited(0.0, 6.0)

    @stepwise
    def leaky_relu(self, neg_slope: float = 0.01) -> Self:
        """x if x > 0 else neg_slope · x (Maas, Hannun, Ng, Rectifier nonlinearities, 2013)."""
        return (self > 0.0).where(self, self * neg_slope)

    @stepwise
    def hardtanh(self, min_val: float = -1, max_val: float = 1) -> Self:
        """min(max(x, min_val), max_val) (Collobert, Large scale machine learning, 2004)."""
        return self._limited(min_val, max_val)

    @stepwise
    def hardsigmoid(self, alpha: float = 1 / 6, beta: float = 0.5) -> Self:
        """min(max(alpha · x + beta, 0), 1) (Courbariaux, BinaryConnect, 2015)."""
        return (self * alpha + beta)._limited(0.0, 1.0)

    @stepwise
    def hardswish(self) -> Self:
        """x · (relu6(x + 3) / 6) (Howard, Searching for MobileNetV3, 2019); -0 at -inf."""
        return self._not_below_finite() * ((self + 3.0).relu6() / 6.0)

    @stepwise
    def softsign(self) -> Self:
        """x / (1 + |x|) (Turian, Bergstra, Bengio, Quadratic features, 2009); ±1 at ±inf."""
        limited = self._not_below_finite().minimum(_largest(self.dtype))
        return limited / (limited.abs() + 1.0)

    # -- exponentials ------------------------------------------------------------------------------
    @stepwise
    def elu(self, alpha: float = 1.0) -> Self:
        """x if x > 0 else alpha · (exp(x) - 1) (Clevert, Unterthiner, Hochreiter, 2015)."""
        return (self > 0.0).where(self, self.expm1() * alpha)

    @stepwise
    def selu(self, alpha: float = 1.67326, gamma: float = 1.0507) -> Self:
        """gamma · elu(x, alpha) (Klambauer, Self-normalizing neural networks, 2017)."""
        return self.elu(alpha) * gamma

    @stepwise
    def celu(self, alpha: float = 1.0) -> Self:
        """x if x > 0 else alpha · (exp(x / alpha) - 1) (Barron, 2017)."""
        return (self > 0.0).where(self, (self / alpha).expm1() * alpha)

    @stepwise
    def silu(self) -> Self:
        """x · sigmoid(x) (Elfwing, Uchibe, Doya, 2017); -0 at -inf."""
        return self._not_below_finite() * self.sigmoid()

    def swish(self) -> Self:
        """`silu`."""
        return self.silu()

    @stepwise
    def quick_gelu(self) -> Self:
        """x · sigmoid(1.702 · x) (Hendrycks, Gimpel, Gaussian error linear units, 2016)."""
        return self._not_below_finite() * (self * 1.702).sigmoid()

    @stepwise
    def gelu(self, approximate: str = "tanh") -> Self:
        """The Gaussian error linear unit (Hendrycks, Gimpel, 2016); -0 at -inf.

        "tanh": x · (1 + tanh(u)) / 2 with u = √(2/π) · (x + 0.044715 · x³), of which the second
        factor is evaluated as sigmoid(2 · u), the same function without a cancellation.
        "none": x · ((1 + erf(x / √2)) / 2). ValueError for any other word.
        """
        if approximate == "tanh":
            inner = self + self * self * self * 0.044715
            return self._not_below_finite() * (inner * math.sqrt(8 / math.pi)).sigmoid()
        if approximate == "none":
            share = ((self * math.sqrt(0.5)).erf() + 1.0) * 0.5
            return self._not_below_finite() * share
        raise ValueError(f"gelu: approximate must be 'tanh' or 'none', not {approximate!r}")

    @stepwise
    def mish(self) -> Self:
        """x · tanh(softplus(x)) (Misra, 2019); -0 at -inf."""
        return self._not_below_finite() * self.softplus().tanh()

    # -- logarithms --------------------------------------------------------------------------------
    @stepwise
    def softplus(self, beta: float = 1.0) -> Self:
        """log(1 + exp(beta · x)) / beta, as max(x, 0) + log(1 + exp(-|beta · x|)) / beta.

        (Dugas, Incorporating second-order functional knowledge, 2000), for beta > 0.
        """
        tail = (-(self * beta).abs()).exp().log1p()
        return self.maximum(0.0) + tail / beta

    @stepwise
    def logsigmoid(self) -> Self:
        """log(sigmoid(x)), as min(x, 0) - log(1 + exp(-|x|))."""
        return self.minimum(0.0) - (-self.abs()).exp().log1p()

    @stepwise_pair
    def logaddexp(self, other: Self) -> Self:
        """log(exp(x) + exp(y)), as max(x, y) + log(1 + exp(-|x - y|)); |x - y| is 0 where x = y."""
        distance = (self == other).where(0.0, (self - other).abs())
        return self.maximum(other) + (-distance).exp().log1p()
