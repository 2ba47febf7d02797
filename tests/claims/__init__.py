"""The ledger of claims: which tests verify each, on how many examples, by what margin."""

import pytest

pytest.register_assert_rewrite("tests.claims.measured")
