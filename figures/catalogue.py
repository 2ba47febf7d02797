"""figures/README.md: every figure with its claims, the command that makes it, the time, and what to see."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.engine import registry
from experiments.engine.registry import Entry
from figures.save import wrapped

HEAD = """# Figures

Written by `python -m figures`, from the captions and the experiments; a test keeps it in step.
`make figures` draws every figure from `results/` at once. The commands below compute the results again first;
the time is that of the experiment, on one core. Each figure is there as SVG, PNG and PDF.
"""


def catalogue(drawings: Mapping[str, Entry], experiments: Mapping[str, Entry]) -> str:
    """The page, from the sources alone: no results are read. Raises UnknownName for a figure of nothing."""
    rows = ["| figure | claims | what to see | command | time |", "|---|---|---|---|---|"]
    sections = []
    for name, drawing in drawings.items():
        experiment = registry.find(experiments, drawing.source, kind="experiment")
        command, time = f"`python -m figures {name} --retrain`", experiment.duration
        claims = ", ".join(drawing.claims)
        rows.append(f"| [{name}](#{name}) | {claims} | {drawing.description} | {command} | {time} |")
        sections.append(f"## {name}\n\n![{name}]({name}.svg)\n\n{wrapped(drawing.constants['CAPTION'])}\n")
    return "\n".join([HEAD, "\n".join(rows), "", *sections])
