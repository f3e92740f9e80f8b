"""Hypothesis profiles for every test of the repository.

The default is deterministic: the same tests run the same examples on every machine, so that a
red run stays red. `pytest --hypothesis-profile=explore` looks for new ones.
"""

from hypothesis import HealthCheck, settings

# A deadline, or a limit on the time that drawing takes, would measure the machine, not the code.
settings.register_profile(
    "lockstep",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", settings.get_profile("lockstep"), derandomize=False, max_examples=2000
)
settings.load_profile("lockstep")
