"""Which centre to advise: fast enough for the teacher, and of samples enough.  [D4, E2]"""

from __future__ import annotations

__all__: list[str] = []

ENOUGH = 16
"""Samples that a centre has to be the mean of: its standard error is then a quarter of their spread."""


def other_center(batch_size: int | None, safe: float | None = None) -> str:
    """A remedy in words; momenta below `safe` keep up, None where that is not known.

    A moving average of momentum m is worth B (1 + m)/(1 − m) samples [E2], so that a batch below `ENOUGH`
    puts a floor under m where D4 puts a ceiling.
    """
    ceiling = None if safe is None else max(safe, 0.0)
    if batch_size is None:
        faster = f"a centre momentum below {ceiling:.5g}" if ceiling else "a faster centre"
        return f"{faster}, or the mean of the batch itself where it holds {ENOUGH} samples or more"
    if batch_size >= ENOUGH:
        faster = f"a centre momentum below {ceiling:.5g}, or " if ceiling else "a faster centre, or "
        return f"{faster if ceiling != 0 else ''}the mean of the batch itself as the centre"
    floor = (ENOUGH - batch_size) / (ENOUGH + batch_size)
    few = f"a batch of {batch_size} is too noisy to be its own centre"
    if ceiling is not None and floor >= ceiling:
        return f"larger batches, or a slower teacher: {few}, and momenta of {floor:.2g} or more are too slow"
    above = (
        f"between {floor:.2g} and {ceiling:.5g}" if ceiling else f"of {floor:.2g} or more, but a faster one"
    )
    return f"a centre momentum {above} ({few})"
