"""The error function.

How far results are from the true value is measured by `lockstep sweep`, and stands in
`docs/accuracy.md`.
"""

from __future__ import annotations

from engine.decompose.functions.exponential import exp_near_zero, reduce_by_log_2
from engine.decompose.functions.value import (
    Coefficients,
    V,
    fast_two_sum,
    magnitude,
    scale_by_power_of_two,
    two_sum,
    with_sign_of,
)

# R in erf(x) = x + x*R(x**2) for |x| <= 3/4, from the highest degree down. Minimax in the error
# relative to erf(x).
ERF: dict[str, Coefficients] = {
    "float32": (
        -0.0006737724179401994,
        0.005113174207508564,
        -0.026834342628717422,
        0.11283379048109055,
        -0.3761261999607086,
        0.12837916612625122,
    ),
    "float64": (
        7.267647136073038e-11,
        -1.1956689921630313e-09,
        1.4776370214342734e-08,
        -1.636399172961224e-07,
        1.6462038805498727e-06,
        -1.4925648237221148e-05,
        0.00012055332940956688,
        -0.0008548327022923386,
        0.005223977625437809,
        -0.026866170645131034,
        0.11283791670955125,
        -0.37612638903183754,
        0.1283791670955126,
    ),
}

# M in 1 - erf(3/4 + t) = (1 - erf(3/4)) * exp(t*M(t)) for 0 <= t <= 13/4 (float32) or 21/4
# (float64). Minimax in the error relative to erf(3/4 + t).
ERFC: dict[str, Coefficients] = {
    "float32": (
        -3.336452323310368e-07,
        -4.270727345101477e-07,
        -7.153012575145112e-06,
        0.00027208030223846436,
        -0.00237787002697587,
        0.012752460315823555,
        -0.0529109425842762,
        -0.8078503608703613,
        -2.2258737087249756,
    ),
    "float64": (
        7.966653149430691e-15,
        -2.4116512083117666e-13,
        3.1213418850581656e-12,
        -2.045537729951752e-11,
        3.576966986601087e-11,
        6.094306525167063e-10,
        -6.99795341359068e-09,
        4.247577459345479e-08,
        -1.758365908210243e-07,
        5.015589623717526e-07,
        -7.512238502406143e-07,
        -1.3829692905014625e-06,
        1.430922059631147e-05,
        -5.428783243611249e-05,
        0.00010588923138160295,
        0.0001296182614288791,
        -0.0022704470198685314,
        0.012705625227854844,
        -0.05289998957792622,
        -0.8078515419193651,
        -2.2258736679806863,
    ),
}

LOG_ERFC_OF_3_QUARTERS = {
    "float32": (-1.2418673038482666, 4.316937918247277e-08),
    "float64": (-1.241867260678887, -6.515855086183219e-17),
}  # a pair

# Up to where ERFC is good; from before that on, erf rounds to 1.
LARGEST = {"float32": 4.0, "float64": 6.0}


def erf(x: V) -> V:
    """x + x*R(x**2) up to 3/4, where the last addition makes most of the error since |R| < 0.13.

    Beyond, 1 - exp(L): the logarithm of erfc is smooth. What is subtracted is at most 0.29 and a
    pair, and so is L.
    """
    a = magnitude(x)
    z = a * a
    near = a + a * z.horner(ERF[x.dtype_name])

    limit = LARGEST[x.dtype_name]
    t = x.constant(limit).lt(a).where(limit, a) - 0.75
    start, start_low = LOG_ERFC_OF_3_QUARTERS[x.dtype_name]
    exponent, exponent_low = two_sum(x.constant(start), t * t.horner(ERFC[x.dtype_name]))
    _, biased, r, low = reduce_by_log_2(exponent)
    total, rest = exp_near_zero(r, low + (exponent_low + start_low))
    far, error = fast_two_sum(x.constant(1), scale_by_power_of_two(total, biased) * -1.0)
    far = far + (error - scale_by_power_of_two(rest, biased))
    return with_sign_of(a.lt(0.75).where(near, far), x)
