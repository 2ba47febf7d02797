"""What came of each change, kept from run to run: a line of JSON each, as soon as it is known."""

import hashlib
import json
import os

from tests.mutants.covering import Covered
from tests.mutants.files import RESULTS, ROOT, digest

DECIDED = ("killed", "timeout", "survived")


class Results:
    """The file of results; of two lines about one change the later counts, and the first is its first try."""

    def __init__(self, path=RESULTS):
        self.path = path
        self.known, self.first = {}, {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.endswith("}"):  # not one that was cut off
                    one = json.loads(line)
                    self.known[one["path"], one["name"]] = one
                    if one["verdict"] in DECIDED:
                        self.first.setdefault((one["path"], one["name"]), one["verdict"])

    def of(self, path: str, name: str, covered: Covered | None = None) -> dict | None:
        """What is known and still holds: the module is the same, and the tests that decided it are.

        A change that was noticed is noticed as long as the one test is there; one that was not, as long as
        no test of its line has changed.
        """
        one = self.known.get((path, name))
        if one is None or one["source"] != digest(ROOT / path) or one["verdict"] not in DECIDED:
            return None
        if one["verdict"] == "survived" and covered is not None and one["tests"] != _of_all(covered):
            return None
        if one["verdict"] == "killed" and one["tests"] != _of_one(one["by"]):
            return None
        return one

    def add(self, path: str, name: str, covered: Covered, found: dict) -> None:
        """Written at once, whole: a run that is stopped goes on from here."""
        tests = _of_one(found["by"]) if found["verdict"] == "killed" else _of_all(covered)
        one = {"path": path, "name": name, "source": digest(ROOT / path), "tests": tests, **found}
        self.known[path, name] = one
        if one["verdict"] in DECIDED:
            self.first.setdefault((path, name), one["verdict"])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            begin = b"" if self._ends_whole() else b"\n"
            file.write(begin + json.dumps(one, ensure_ascii=False).encode() + b"\n")

    def _ends_whole(self):
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def _of_one(test):
    """Of the file of a test; "" where an import or a signal decided."""
    return digest(ROOT / test.split("::")[0]) if "::" in test else ""


def _of_all(covered):
    files = sorted({test.split("::")[0] for test, _ in covered.tests})
    text = f"{len(covered.tests)}" + "".join(file + digest(ROOT / file) for file in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
