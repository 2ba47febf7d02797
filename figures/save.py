"""From a drawing to files: SVG, PNG and PDF that are the same bytes whenever the content is the same.

Each file carries in its metadata a digest of what it was drawn from: the results, the code in `figures` and
the style. (Anything computed belongs to the experiment: `draw` only draws.) A file that does not carry the
present digest is stale; clocks are not asked.
"""

from __future__ import annotations

import hashlib
import io
import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import xarray as xr
from matplotlib import pyplot
from matplotlib.figure import Figure

from experiments.engine import fingerprints, store
from figures import look

HERE = Path(__file__).resolve().parent
STYLE = HERE / "style.mplstyle"
COLUMN, PAGE = 3.4, 7.0  # inches: widths of one column and of the page
FORMATS = ("svg", "png", "pdf")
# Matplotlib would write its version and the time: None leaves a field out.
METADATA = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
DIGEST_FIELD = {"svg": "Identifier", "png": "Identifier", "pdf": "Keywords"}


def digest(dataset: xr.Dataset, module: str) -> str:
    """SHA-256 of all that a figure depends on: data, settings, the code of `figures` that it uses, style.

    The labels and names of the teachers come from elsewhere; of that code only the values count.
    """
    seen = hashlib.sha256(store.digest(dataset).encode())
    for path in [*fingerprints.sources(module, packages=("figures",)), STYLE, Path(__file__)]:
        seen.update(path.read_bytes())
    seen.update(repr(dict(look.LOOKS)).encode())
    return seen.hexdigest()


def stale(stem: Path, wanted: str) -> list[Path]:
    """The files of a figure that are missing or were drawn from something else."""
    files = [stem.with_suffix(f".{suffix}") for suffix in FORMATS]
    old = [file for file in files if not file.is_file() or wanted.encode() not in file.read_bytes()]
    return old if stem.with_suffix(".txt").is_file() else [*old, stem.with_suffix(".txt")]


def save(
    draw: Callable[[xr.Dataset], Figure], dataset: xr.Dataset, stem: Path, *, wanted: str, caption: str
) -> None:
    """Draw in the house style; write STEM.svg, .png, .pdf and STEM.txt, each whole or not at all."""
    with mpl.rc_context():
        mpl.rcdefaults()  # not the reader's own matplotlibrc
        mpl.style.use(STYLE)
        figure = draw(dataset)
        for suffix in FORMATS:
            buffer = io.BytesIO()
            metadata = METADATA[suffix] | {"Title": stem.name, DIGEST_FIELD[suffix]: wanted}
            figure.savefig(buffer, format=suffix, metadata=metadata)
            store.write_atomically(stem.with_suffix(f".{suffix}"), buffer.getvalue())
        pyplot.close(figure)
    store.write_atomically(stem.with_suffix(".txt"), (wrapped(caption) + "\n").encode())


def wrapped(caption: str) -> str:
    """The caption as paragraphs of lines, whatever its indentation in the source."""
    paragraphs = textwrap.dedent(caption).strip().split("\n\n")
    return "\n\n".join(
        textwrap.fill(" ".join(paragraph.split()), 100, break_on_hyphens=False) for paragraph in paragraphs
    )
