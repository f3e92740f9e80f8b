"""torch's samples of its operators, as programs of this engine.

Each of torch's operators that has a counterpart here gives its samples (`OpInfo.sample_inputs`), of
several dtypes, every second one scattered in memory: the catalog judges what the engine makes of
them, and torch's own answer is compared. What torch refuses (`OpInfo.error_inputs`) is refused here
too. Every operator that torch describes is in one of two tables, with a counterpart or a reason.
"""

from __future__ import annotations

import pytest

from conformance.harness.opinfo import ADAPTERS, WITHOUT, refusal, samples, trial
from conformance.harness.opinfo.without import ABSENT, FORMULA
from conformance.harness.plugin import TALLY
from conformance.ops.test_names import EXPECTED
from engine import Tensor


@pytest.fixture(autouse=True, scope="module")
def _torch() -> None:
    if not samples.available():
        pytest.skip(samples.REMEDY)


@pytest.mark.parametrize("name", list(ADAPTERS))
def test_samples(name: str, request: pytest.FixtureRequest) -> None:
    tally = trial.run(name)
    print(tally)
    request.node.user_properties.append((TALLY, tally.counts()))
    assert tally.judged, f"no sample of {name} was judged: {tally}"
    assert not tally.problems, "\n".join(tally.problems[:6])


@pytest.mark.parametrize("name", list(ADAPTERS))
def test_what_torch_refuses(name: str, request: pytest.FixtureRequest) -> None:
    """Refused here as well, by an error that names the method; the list of exceptions is strict."""
    found = refusal.run(name)
    counts = {"refused as by torch": found.refused, "allowed here": len(found.used)}
    request.node.user_properties.append((TALLY, counts))
    assert not found.problems, "\n".join(found.problems)
    listed = {entry for entry in refusal.ALLOWED if entry[0] == name}
    assert listed == found.used, "nothing needs these entries of ALLOWED any more"


# -- the tables ------------------------------------------------------------------------------------
def test_every_operator_of_torch_has_a_counterpart_or_a_reason() -> None:
    known = set(samples.infos())
    assert known - set(ADAPTERS) - set(WITHOUT) == set(), "new in torch: adapt them, or say why not"
    assert (set(ADAPTERS) | set(WITHOUT)) - known == set(), "no longer in torch"
    assert set(ADAPTERS) & set(WITHOUT) == set()


def base(name: str) -> str:
    """The name of an operator as a method would have it, without underscores."""
    word = name.partition("|")[0]
    for prefix in ("nn.functional.", "linalg.", "special."):
        word = word.removeprefix(prefix)
    return word.strip("_").replace("_", "")


def test_no_method_is_without_samples_for_want_of_a_method() -> None:
    methods = {base(name) for name in dir(Tensor) if not name.startswith("_")}
    absent = {name for name, reason in WITHOUT.items() if reason in (ABSENT, FORMULA)}
    assert {name for name in absent if base(name) in methods} == set()


def test_every_expected_name_that_torch_has_is_covered() -> None:
    """Names that users know: adapted, or left to another suite for a reason."""
    told = {base(name) for name in (*ADAPTERS, *WITHOUT)}
    torchs = {base(name) for name in samples.infos()}
    assert {name for name in EXPECTED if base(name) in torchs - told} == set()
