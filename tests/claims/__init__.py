"""The ledger of claims: which tests verify each, on how many examples, by what margin."""
