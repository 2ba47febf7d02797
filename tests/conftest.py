"""Hypothesis profiles (HYPOTHESIS_PROFILE=dev|ci|thorough, or --hypothesis-profile) and the claims ledger."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

pytest_plugins = ["tests.claims.ledger", "pytester"]

if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core, one thread a process
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline and no speed check: both time the machine, not the code.
settings.register_profile("dev", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", settings.get_profile("dev"), max_examples=60, derandomize=True, print_blob=True
)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=1000)
settings.register_profile(  # that a test fails is all that a mutant asks: no smaller example, no explanation
    "mutants", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate, Phase.target]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_xdist_auto_num_workers(config):
    """Two processes for the whole suite; none for a part of it, which they would only slow down."""
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS and not config.option.keyword
    if not whole:
        config.option.dist = "no"
    return 2 if whole else 0
