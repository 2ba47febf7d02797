"""hashes.txt, by `python -m tests.project.hashes`: constraints.txt with the SHA-256 of each file."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.project.licences import ROOT, pins

HASHES = ROOT / "hashes.txt"
HEAD = """# Made by `python -m tests.project.hashes` of constraints.txt, for Linux on x86-64 and CPython 3.11:
#   pip install --require-hashes --no-deps -r hashes.txt
# torch comes before it and apart, as in the Makefile: its CPU wheel is of PyTorch's own index.
"""


def chosen():
    """Package → the SHA-256 of the one file that pip would install, nothing installed."""
    wanted = [f"{name}=={version}" for name, version in pins() if name != "torch"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--no-deps", "--only-binary", ":all:", "--report", str(report)]
        subprocess.run([*command, *wanted], check=True)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {
        canonicalize_name(one["metadata"]["name"]): one["download_info"]["archive_info"]["hashes"]["sha256"]
        for one in found
    }


def written(hashes):
    """The file's text."""
    lines = [
        f"{name}=={version} --hash=sha256:{hashes[canonicalize_name(name)]}\n"
        for name, version in pins()
        if name != "torch"
    ]
    return HEAD + "".join(lines)


if __name__ == "__main__":
    HASHES.write_text(written(chosen()), encoding="utf-8")
