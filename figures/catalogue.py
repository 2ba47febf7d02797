"""figures/README.md: every figure with its claims, the command that makes it, the time, and what to see."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.engine import registry
from experiments.engine.registry import Entry
from figures.save import wrapped

HEAD = """# Figures

What the theory predicts and what runs did, a picture for each statement; under it stands what to see, and a
click opens it by itself.
"""
TAIL = """## How this page is made

Written by `python -m figures`, from the captions and the experiments; a test keeps it in step.
`make figures` draws every figure from `results/` at once. The commands above compute the results again first;
the time is that of the experiment, on one core. Each figure is there as SVG, PNG and PDF.
"""
FIRST = ("critical_center", "fates", "phase_plane")
"""Figures that a reader who sees no others should see."""


def order(drawings: Mapping[str, Entry]) -> list[str]:
    """Names: first the three of `FIRST`, then by the claims that a figure is about."""

    def key(name: str) -> tuple[int, list[tuple[int, int]], str]:
        claims = [("OTJEDC".index(label[0]), int(label[1:])) for label in drawings[name].claims]
        return FIRST.index(name) if name in FIRST else len(FIRST), claims, name

    return sorted(drawings, key=key)


def catalogue(drawings: Mapping[str, Entry], experiments: Mapping[str, Entry]) -> str:
    """The page, from the sources alone: no results are read. Raises UnknownName for a figure of nothing."""
    rows = ["| what to see | claims | command | time |", "|---|---|---|---|"]
    sections = []
    for name in order(drawings):
        drawing = drawings[name]
        experiment = registry.find(experiments, drawing.source, kind="experiment")
        command, time = f"`python -m figures {name} --retrain`", experiment.duration
        words, claims = drawing.description, ", ".join(drawing.claims)
        rows.append(f"| [{words}](#{name}) | {claims} | {command} | {time} |")
        picture = f"[![{words}]({name}.svg)]({name}.svg)"
        caption = wrapped(drawing.constants["CAPTION"])
        sections.append(f'<a id="{name}"></a>\n\n## {words}\n\n{picture}\n\n<sub>{name}</sub>\n\n{caption}\n')
    return "\n".join([HEAD, "\n".join(rows), "", *sections, TAIL])
