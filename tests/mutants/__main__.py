"""Change the code a little, one place at a time, and run the tests of that place: one of them must fail.

    python -m tests.mutants theory/bounds.py           every change of one file
    python -m tests.mutants --sample 20 --seed 1       20 of each file of theory/, drawn by the seed
    python -m tests.mutants --changed                  the files changed since the commit before this one
    python -m tests.mutants --sample 20 --report       and write tests/mutants.md

A change that no test notices is a hole, or changes nothing: its reason is in tests/mutants/equivalent.toml.
What is known is kept in .mutants/, so that a run that was stopped goes on, and a change is tried again only
when its module, or a test of its line, has changed. The status is 1 where a change was not noticed that has
no such reason; with --changed, one on a line that has changed.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from operator import attrgetter

from tests.mutants import children, covering, report, ways
from tests.mutants.changes import is_on, listed
from tests.mutants.files import ROOT, digest
from tests.mutants.results import Results

SECONDS = attrgetter("seconds")


def arguments(given):
    summary, text = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description=summary,
        epilog=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files or folders of theory/ or experiments/"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="so many changes of each file")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of the order in which they are taken"
    )
    parser.add_argument("--changed", nargs="?", const="HEAD~1", metavar="BASE", help="since that commit")
    parser.add_argument("--limit", type=float, default=1e9, metavar="SECONDS", help="stop after that")
    parser.add_argument(
        "--grace",
        type=float,
        default=children.GRACE,
        metavar="SECONDS",
        help=f"that a test may take beyond ten times its own ({children.GRACE:g})",
    )
    parser.add_argument(
        "--worth",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="of tests that are asked about a change, the near and quick ones first (60)",
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at a time (2)")
    parser.add_argument("--advise", action="store_true", help="end well, whatever was not noticed")
    parser.add_argument("--report", action="store_true", help="write tests/mutants.md of what is known")
    options = parser.parse_args(given)
    if options.report and not options.sample:
        parser.error("--report needs --sample")
    return options


def sources(paths):
    """Python files at or below each path, as paths below the root."""
    found = []
    for path in paths:
        at = ROOT / path
        if not at.exists():
            raise SystemExit(f"{path} is not there")
        found += [at] if at.is_file() else sorted(at.rglob("*.py"))
    return [path.relative_to(ROOT).as_posix() for path in found]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def chosen(path, *, sample, seed):
    """Mutants of a file in the order of the seed, the first `sample` of them."""

    def order(mutant):
        return hashlib.sha256(f"{seed} {path} {mutant.name}".encode()).digest()

    return sorted(listed(text(path)), key=order)[:sample]


class Run:
    """One call of the command."""

    def __init__(self, wanted, *, jobs, grace, worth, until):
        self.jobs, self.grace, self.until = jobs, grace, until
        packages = sorted({path.split("/")[0] for path, _ in wanted})
        files = {package: covering.files_of_tests(package) for package in packages}
        if left := covering.stale([file for every in files.values() for file in every]):
            print(f"recording which lines {len(left)} files of tests run", flush=True)
            covering.record(left, jobs)
        lines = {package: covering.Lines(every, worth) for package, every in files.items()}
        self.loads = sorted({name for one in lines.values() for name in one.loads})
        self.results = Results()
        self.mutants = {path: len(listed(text(path))) for path, _ in wanted}
        self.covered = {one: lines[one[0].split("/")[0]].of(*one) for one in wanted}
        self.by_name = {(path, mutant.name): covered for (path, mutant), covered in self.covered.items()}

    def left(self, wanted):
        """What of it is not known, as tasks."""
        for path, mutant in wanted:
            covered = self.covered[path, mutant]
            if self.results.of(path, mutant.name, covered) is None:
                task = ways.Task(path, mutant.name, covered.tests, covered.at_import, self.grace)
                yield task, mutant.in_body, self._needs_import(path, mutant.name)

    def go(self, wanted):
        """Try what is not known, the quick first: they are kept if the time runs out."""
        quickly, by_import = [], []
        for task, in_body, tried in self.left(wanted):
            if not task.tests:
                self.keep(task, {"verdict": "survived", "by": "no test runs it"})
            else:
                (quickly if in_body and not tried else by_import).append(task)
        print(f"{len(quickly)} changes in functions, {len(by_import)} that an import makes", flush=True)
        ways.preload(self.loads)
        if quickly:
            self._in_a_child(sorted(quickly, key=SECONDS))
            self.results = Results()
        by_import += [task for task in quickly if self._needs_import(task.path, task.name)]
        pairs = ((task, task.seconds + 20.0) for task in sorted(by_import, key=SECONDS))
        for task, found in children.each(pairs, ways.anew, jobs=self.jobs, enough=self.late):
            self.keep(task, found)

    def late(self):
        return time.monotonic() >= self.until

    def _needs_import(self, path, name):
        one = self.results.known.get((path, name), {})
        return one.get("verdict") == "needs import" and one["source"] == digest(ROOT / path)

    def _in_a_child(self, tasks):
        """So that this process stays free of the project's modules: the second way starts from it."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            _, status = os.waitpid(pid, 0)
            if status:
                raise SystemExit("the tests could not be collected")
            return
        status = 1
        try:
            files = sorted({test.split("::")[0] for task in tasks for test, _ in task.tests})

            def enough():
                return self.late() or os.getppid() != parent

            warm = ways.Warm(tasks, self.keep_if_sure, jobs=self.jobs, enough=enough)
            status = ways.pytest.main([*ways.OPTIONS, *files], plugins=[warm])
        finally:
            sys.stdout.flush()
            os._exit(status)

    def keep_if_sure(self, task, found):
        """What survives on a line that an import runs may have left its trace before the change was made."""
        if found["verdict"] == "survived" and task.at_import:
            found = found | {"verdict": "needs import"}
        self.keep(task, found)

    def keep(self, task, found):
        self.results.add(task.path, task.name, self.by_name[task.path, task.name], found)
        by = (found.get("by") or found.get("why", "")).strip()
        print(f"{found['verdict']:>12} {task.path}::{task.name}  {by[-90:]}", flush=True)


def changed_lines(base):
    """Path → numbers of its lines that are not as in that commit; None without such a commit."""
    command = ["git", "diff", "--unified=0", "--no-color", base, "--", "theory"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    found, path = {}, ""
    for line in done.stdout.splitlines():
        if line.startswith("+++ "):
            path = line.removeprefix("+++ b/")
        elif line.startswith("@@") and path.endswith(".py"):
            begin, _, count = line.split("+")[1].split(" ")[0].partition(",")
            begin, count = int(begin), int(count or 1)
            found.setdefault(path, set()).update(range(begin, begin + count))
    return {path: frozenset(lines) for path, lines in found.items()}


def main(given=None):
    options = arguments(given)
    until = time.monotonic() + options.limit
    changed = {}
    if options.changed:
        changed = changed_lines(options.changed)
        if not changed:
            why = "there is no commit" if changed is None else "nothing of theory/ has changed since"
            print(f"skipped: {why} {options.changed}")
            return 0
        options.paths = [path for path in changed if (ROOT / path).exists()]
    paths = sources(options.paths or ["theory"])
    wanted = [
        (path, mutant) for path in paths for mutant in chosen(path, sample=options.sample, seed=options.seed)
    ]
    os.environ |= {"HYPOTHESIS_PROFILE": "mutants", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    os.nice(5)
    run = Run(wanted, jobs=options.jobs, grace=options.grace, worth=options.worth, until=until)
    first = [one for one in wanted if is_on(changed.get(one[0], ()), one[1])]
    if first:
        run.go(first)
    if not first or not run.late():
        run.go(wanted)
    return report.tell(run, changed, options)


if __name__ == "__main__":
    sys.exit(main())
