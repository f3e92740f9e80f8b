"""How near the powers of 16-bit floats come to a middle of two numbers, by trying all pairs.

Run `python tools/powers.py` to print, for float16 and bfloat16, the pairs whose power is nearest to
a middle without being one, and log2 of that distance relative to the power. A power that is
computed with a smaller error than this, and exactly where it is a middle, is correctly rounded:
see `working_dtype` in `engine/decompose/functions`. Half a minute for each.

numpy's float64 powers find what is near; mpmath measures it.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import log2

import numpy as np

from conformance.dtypes.narrow import numbers
from oracles import mpmath_ref
from oracles.formats import FORMATS, Array, Format, floor_log2

NEAR = 2.0**-38  # relative; numpy's powers have an error of 2**-50
SHOWN = 4


def in_units(row: Format, power: Array) -> Array:
    """Powers in units in the last place of the format."""
    exponent = np.maximum(np.frexp(power)[1] - 1, row.emin)
    return np.ldexp(power, row.mantissa_bits - exponent)


def near_middles(row: Format) -> Iterator[tuple[float, float]]:
    """Pairs whose power is near a middle. Negative bases give the same powers with a sign."""
    positive = numbers(row.name)[1:]
    exponents = np.sort(np.concatenate([positive, -positive]))
    ends = np.array([row.emin - row.mantissa_bits - 1.1, row.emax + 1.1])
    for base in positive[positive != 1].tolist():
        low, high = np.searchsorted(exponents, np.sort(ends / log2(base)))
        chosen = exponents[low:high]
        units = in_units(row, np.power(base, chosen))
        distance = np.abs(units - np.floor(units) - 0.5)
        for exponent in chosen[distance < NEAR * units].tolist():
            yield base, exponent


def distance(row: Format, base: float, exponent: float) -> float:
    """The relative distance of a power from the nearest middle; 0 where it is rational."""
    operands = Fraction(base), Fraction(exponent)
    if mpmath_ref.ROWS["pow"].rational(*operands) is not None:
        return 0.0
    power = mpmath_ref.truth("pow", *operands)
    place = max(floor_log2(power), row.emin) - row.mantissa_bits
    units = power / Fraction(2) ** place
    return float(abs(units - int(units) - Fraction(1, 2)) / units)


def main() -> None:
    """Print the nearest pairs of each format, as bits."""
    for name in ("float16", "bfloat16"):
        row = FORMATS[name]
        measured = [(distance(row, *pair), *pair) for pair in near_middles(row)]
        others = sorted(one for one in measured if one[0])
        print(f"{name}: {len(measured)} below 2**{log2(NEAR):.0f}, {len(others)} no middles")
        for relative, base, exponent in others[:SHOWN]:
            words = [row.hex(row.round(Fraction(v))) for v in (base, exponent)]
            print(f"    {' ** '.join(words)}: 2**{log2(relative):.1f}")


if __name__ == "__main__":
    main()
