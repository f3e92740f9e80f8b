"""Which elements of the inputs an entry is about, by their edge classes."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.harness.case import Case
from conformance.harness.subject import input_array
from oracles.edges import has_class
from oracles.formats import FORMATS, Array


def matches_inputs(classes: Sequence[str], case: Case) -> bool:
    """Whether an input of a program has an element of one of these classes, or they are empty."""
    return not classes or any(
        marked(classes, input_array(item)).any() for item in case.inputs if item.data
    )


def marked(classes: Sequence[str], operand: Array) -> Array:
    """The elements of one of these edge classes."""
    row = FORMATS[operand.dtype.name]
    return has_class(row.name, row.to_bits(operand), classes)
