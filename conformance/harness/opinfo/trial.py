"""All samples of one of torch's operators: chosen, computed in one launch, judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.harness.opinfo import ADAPTERS, judge, samples
from conformance.harness.opinfo.adapter import LeftOut, Use, needs, translated

if TYPE_CHECKING:
    from engine import Tensor

LIMITS: Mapping[str, int] = {
    "float32": 14, "int64": 10, "bool": 6, "int32": 4, "uint8": 3, "float16": 4, "float64": 3,
}  # fmt: skip
"""How many samples of a dtype are judged; where there are more, those at even distances."""

ELSEWHERE = "PYTHON"
"""Where the smallest sample of an operator is computed once more."""

MAX_ELEMENTS = 1 << 14
TOO_LARGE = f"more than {MAX_ELEMENTS} elements"


@dataclass(frozen=True)
class Trial:
    """One sample and what it asks for."""

    dtype: str
    sample: Any
    uses: tuple[Use, ...]

    @property
    def elements(self) -> int:
        """How many elements its tensors have."""
        return elements(self.sample)

    def __str__(self) -> str:
        values = [self.sample.input, *self.sample.args]
        words = [*map(_text, values), *(f"{k}={_text(v)}" for k, v in self.sample.kwargs.items())]
        return f"{self.dtype} sample ({', '.join(words)})"


@dataclass
class Tally:
    """What has become of samples."""

    judged: int = 0
    elements: int = 0
    beyond: int = 0
    left: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        reasons = "; ".join(f"{count} {reason}" for reason, count in self.left.items())
        left = f", left out: {reasons}" if reasons else ""
        return (
            f"seed {samples.SEED}: {self.judged} samples of {self.elements} elements judged, "
            f"{self.beyond} beyond the limit{left}"
        )

    def counts(self) -> dict[str, int]:
        """The numbers that add up over operators."""
        return {
            "samples judged": self.judged, "beyond the limit": self.beyond,
            "left out for a reason": self.left.total(),
        }  # fmt: skip


def elements(sample: Any) -> int:
    """How many elements the tensors of a sample have."""
    return samples.elements([sample.input, sample.args, list(sample.kwargs.values())])


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_text, value))})"
    if not hasattr(value, "stride"):
        return str(value)
    dtype, strides = str(value.dtype).removeprefix("torch."), value.stride()
    return f"{dtype}{list(value.shape)}" + ("" if value.is_contiguous() else f" strides {strides}")


def trials(name: str, tally: Tally, limits: Mapping[str, int] = LIMITS) -> list[Trial]:
    """The samples of an operator that are judged, a few of each dtype."""
    found = []
    for dtype, most in limits.items():
        given = [_trial(name, dtype, one, tally) for one in samples.drawn(name, dtype)]
        possible = [one for one in given if one is not None]
        some = spread(possible, most)
        tally.beyond += len(possible) - len(some)
        found += some
    return found


def _trial(name: str, dtype: str, sample: Any, tally: Tally) -> Trial | None:
    try:
        needs(elements(sample) <= MAX_ELEMENTS, TOO_LARGE)
        uses = translated(ADAPTERS[name], sample)
        for use in uses:
            judge.check(use)
    except LeftOut as reason:
        tally.left[str(reason)] += 1
        return None
    return Trial(dtype, sample, tuple(uses))


def spread(items: Sequence[Trial], most: int) -> list[Trial]:
    """At most so many, the first and the last and some at even distances between them."""
    if len(items) <= most:
        return list(items)
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def run(name: str, device: str | None = None, limits: Mapping[str, int] = LIMITS) -> Tally:
    """Judge the samples of an operator: all their results are computed together."""
    tally = Tally()
    found = trials(name, tally, limits)
    made = [[judge.called(use, device) for use in trial.uses] for trial in found]
    _realize([tensor for uses in made for results in uses for tensor in results])
    for trial, uses in zip(found, made):
        answer = samples.answer(name, trial.sample)
        for use, results in zip(trial.uses, uses):
            verdicts = judge.judged(use, [tensor.numpy() for tensor in results], answer)
            tally.elements += sum(verdict.elements for verdict in verdicts)
            tally.problems += [_report(name, trial, use, one) for one in verdicts if one.problem]
        tally.judged += 1
    if found:
        tally.problems += _elsewhere(name, found, made)
    return tally


def _elsewhere(
    name: str, found: Sequence[Trial], made: Sequence[Sequence[tuple[Tensor, ...]]]
) -> list[str]:
    """The bits of the smallest sample on another device."""
    k = min(range(len(found)), key=lambda k: (found[k].elements == 0, found[k].elements))
    again = [judge.called(use, ELSEWHERE) for use in found[k].uses]
    pairs = zip(made[k], again, strict=True)
    same = all([x.tobytes() for x in here] == [x.tobytes() for x in there] for here, there in pairs)
    return [] if same else [f"{name}, {found[k]}: other bits on {ELSEWHERE}"]


def _realize(tensors: Sequence[Tensor]) -> None:
    if tensors:
        tensors[0].realize(*tensors[1:])


def _report(name: str, trial: Trial, use: Use, verdict: judge.Judged) -> str:
    """What is wrong, with the sample and, where there is one, the case that shows it."""
    case = "" if verdict.case is None else f"\n{verdict.case.text}"
    return f"{name}, {trial}, {use.method} {dict(use.attributes)}: {verdict.problem}{case}"
