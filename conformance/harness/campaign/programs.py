"""Campaigns of programs: a draw is a structure with several value vectors, on all devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from conformance.harness.campaign.explain import Explainer
from conformance.harness.campaign.findings import Claim
from conformance.harness.campaign.isolated import warm_up
from conformance.harness.campaign.journal import TOGETHER, Journal
from conformance.harness.campaign.skill import Cause, Post, Watch, guarded
from conformance.harness.campaign.store import Order
from conformance.harness.case import Case
from conformance.harness.generate import Draw, numbered_draw
from conformance.harness.ledger import read_ledger
from conformance.harness.subject import Subject
from conformance.harness.trial import Outcome, Problem, judge, judge_draw, on_turn, relation_of


class Watched:
    """A subject whose runs are watched."""

    def __init__(self, subject: Subject, watch: Watch) -> None:
        self.subject, self.watch = subject, watch

    @property
    def name(self) -> str:
        return self.subject.name

    def run(self, case: Case) -> list[bytes]:
        with self.watch.over(self.name):
            return self.subject.run(case)


class Programs:
    """What a worker does with programs."""

    def __init__(self, post: Post, journal: Journal) -> None:
        self.settings, self.journal = post.settings, journal
        self.watch = Watch(journal, post.limits.seconds)
        subjects = post.devices.subjects()
        for subject in subjects.values():
            warm_up(subject)
        self.subjects = {name: Watched(row, self.watch) for name, row in subjects.items()}
        ledger = read_ledger(Path(post.ledger))
        self.explainer = Explainer(post.devices, subjects, post.limits, ledger)

    def draw(self, order: Order, steering: Mapping[str, float]) -> Draw:
        settings = self.settings
        return numbered_draw(
            settings.seed, order.number, settings.length, settings.vectors, steering
        )

    def outcomes(self, order: Order, made: Draw) -> Iterator[tuple[int, Outcome]]:
        """Each program by its number in the draw, and what it came to.

        Relations take turns: each makes programs of its own, to be compiled like others.
        """
        seed = self.settings.seed
        relations = (relation_of(seed, order.number),)
        subjects = on_turn(self.subjects, seed, order.number)
        if not order.alone:
            self.journal.begin(made.cases[0].text, order.number, TOGETHER)
            together = guarded(judge_draw, made, subjects, relations)
            if not isinstance(together, Problem):
                yield from enumerate(together)
                return
        for k, (case, values) in enumerate(zip(made.cases, made.values)):
            if k in order.barred:
                continue
            self.journal.begin(case.text, order.number, k)
            alone = guarded(judge, case, subjects, values, relations if k == 0 else ())
            yield k, Outcome((alone,)) if isinstance(alone, Problem) else alone

    def timings(self) -> dict[str, tuple[int, float]]:
        return self.watch.taken()

    def cause(self, claim: Claim) -> Cause:
        return self.explainer.cause(claim)
