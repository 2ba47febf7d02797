"""Hypothesis profiles (HYPOTHESIS_PROFILE=dev|ci|thorough, or --hypothesis-profile) and the claims ledger."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.ledger", "pytester"]

# No deadline and no speed check: both time the machine, not the code.
settings.register_profile("dev", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", settings.get_profile("dev"), max_examples=60, derandomize=True, print_blob=True
)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
