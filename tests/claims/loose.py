"""Tolerances that are too loose: what a whole run shows of a claim, and why some can show no more.

A tolerance says how far rounding may take a comparison. Where the largest error that a run sees is below
`LEAST` of it, it is not that: a wrong formula could hide in it.
"""

LEAST = 1e-3

REASONS: dict[str, str] = {
    "O4": "its equalities are exact: the divergence of an ensemble from itself is 0, term by term",
}
"""Label → why its comparisons, if right, leave next to nothing of their tolerance."""


def too_loose(errors: dict[str, float | None], reasons: dict[str, str] = REASONS) -> list[str]:
    """What is wrong with the largest errors, in units of the tolerance, of claims by label."""
    lines = []
    for label, error in errors.items():
        if error is None:
            continue
        if error < LEAST and label not in reasons:
            lines.append(
                f"{label}: error {error:.2g} of its tolerance: derive a tighter one, or give a reason"
            )
        if error >= LEAST and label in reasons:
            lines.append(f"{label}: error {error:.2g} of its tolerance: the reason for less is out of date")
    return lines
