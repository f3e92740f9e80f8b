"""A trial: one program on several devices, judged by the oracles and by one another."""

from conformance.harness.trial.judge import judge, judge_draw, on_turn
from conformance.harness.trial.outcome import KINDS, Outcome, Problem, Reached
from conformance.harness.trial.relations import RELATIONS, relation_of

__all__ = ["KINDS", "RELATIONS", "Outcome", "Problem", "Reached", "judge", "judge_draw",
           "on_turn", "relation_of"]  # fmt: skip
