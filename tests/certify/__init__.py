"""Six claims proved instance by instance in ball arithmetic (arb): a sign that is certified, not rounded.

`cases` draws instances that are exact numbers, `statements` writes the claims in balls from `paper_notes.md`
without a line of `theory`, `proofs` raises the precision until every margin has a sign, `floats` encloses
what `theory` returns, `table` writes `tests/certified.md`. `make certify` does all of it.
"""
