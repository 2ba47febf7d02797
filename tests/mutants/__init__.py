"""Mutation tests: one small change of the code at a time, which at least one of the tests must notice.

`python -m tests.mutants [PATH ...]` changes the files named (all of `theory/` otherwise); see `--help`.
"""
