"""Find the rows of `engine/decompose/functions/ties.py`.

Run `python tools/ties.py` to print, for each narrow float and function, the operands at which the
function of float32, rounded once more, is not correctly rounded. All of them are tried; what is
correct is decided by mpmath.
"""

import numpy as np

from conformance.dtypes.narrow import NARROW, nearest, patterns, rounded_function, values
from engine import dtypes
from engine.decompose.functions import FUNCTIONS
from engine.decompose.functions.ties import Ties
from engine.decompose.functions.value import Function
from engine.interpret.semantics import Value
from oracles.formats import FORMATS

UNARY = sorted(FUNCTIONS.keys() - {"pow"})


def single_results(function: Function, name: str) -> np.ndarray:
    """The results of a function of float32 at all numbers of a narrow float."""
    operands = values(name, patterns(name)).astype(np.float32)
    with np.errstate(all="ignore"):
        result: np.ndarray = function(Value(dtypes.float32, operands)).array
    return result


def found(function: str, name: str) -> Ties:
    """The operands of a narrow float, their signs aside, for which float32 is not enough."""
    single = single_results(FUNCTIONS[function], name).astype(np.float64)
    got, due = nearest(name, single), rounded_function(function, name, patterns(name))
    sign = FORMATS[name].sign_bit
    greater, smaller = set(), set()
    for operand in np.flatnonzero(got != due).tolist():
        size_due, size_got = (int(bits[operand]) & (sign - 1) for bits in (due, got))
        (greater if size_due > size_got else smaller).add(operand & (sign - 1))
    return Ties(tuple(sorted(greater)), tuple(sorted(smaller)))


def main() -> None:
    """Print the rows that are not empty."""
    for name in NARROW:
        for function in UNARY:
            ties = found(function, name)
            if ties != Ties():
                texts = [", ".join(f"0x{bits:04X}" for bits in side) for side in
                         (ties.greater, ties.smaller)]  # fmt: skip
                print(f"{name} {function}: greater ({texts[0]}), smaller ({texts[1]})")


if __name__ == "__main__":
    main()
