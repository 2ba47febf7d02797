"""The published runs as a table in words, for who cannot read the picture."""

from experiments.studies.ledger import predict
from experiments.studies.published_rows import rows

COLUMNS = ("run", "observed", "theory", "verdict")


def table() -> str:
    """Every row of the ledger, folded up under one line."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for row in rows():
        found = predict(row)
        cells = (
            f"{row.sweep}: {row.setting}",
            f"{row.observed} ({row.source})",
            f"{found.said or 'no prediction'}: [{found.claim}] {found.depends}",
            "ρ was read here" if row.free else found.verdict,
        )
        lines.append(f"| {' | '.join(cells)} |")
    head = f"<details><summary>The {len(rows())} rows as a table</summary>"
    return "\n".join([head, "", *lines, "", "</details>", ""])
