"""docs/decisions: short records of one shape, numbered without a gap."""

import re

from tests.claims.claim_table import ROOT

RECORDS = sorted((ROOT / "docs/decisions").iterdir())


def test_they_are_numbered_without_a_gap_and_say_their_number():
    assert len(RECORDS) >= 19
    assert [path.name[:5] for path in RECORDS] == [f"{i + 1:04d}-" for i in range(len(RECORDS))]
    for i, path in enumerate(RECORDS):
        assert re.fullmatch(r"\d{4}(-[a-z0-9]+)+\.md", path.name), path.name
        assert path.read_text(encoding="utf-8").startswith(f"# {i + 1}. "), path.name


def test_each_has_context_decision_and_consequence_and_fewer_than_25_lines():
    for path in RECORDS:
        lines = path.read_text(encoding="utf-8").splitlines()
        parts = re.findall(r"^\*\*(\w+)\.\*\* \S", "\n".join(lines), re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequence"], path.name
        assert len(lines) < 25 and max(map(len, lines)) <= 110, path.name


def test_files_that_they_name_exist():
    named = re.findall(
        r"`(?:pytest |python )?((?:docs|tests)/[\w/]+\.py)`",
        "".join(path.read_text(encoding="utf-8") for path in RECORDS),
    )
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
