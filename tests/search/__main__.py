"""Look for counterexamples to every inequality of the notes, and keep the tightest case of each so far."""

import argparse
import sys

import torch

from tests.search.descent import STARTS, STEPS, search
from tests.search.table import ALL, load, save, tighter, violated


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.search", description=__doc__)
    parser.add_argument("words", nargs="*", help="only inequalities whose label or name holds one of these")
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cases, bad = load(), []
    for hunt in ALL:
        if given.words and not any(word in hunt.key for word in given.words):
            continue
        found = search(hunt, seed=given.seed, starts=given.starts, steps=given.steps)
        print(f"{hunt.key}: {found.margin:.3g}", flush=True)
        cases[hunt.key] = tighter(hunt, found, cases.get(hunt.key))
        save(cases)
        if violated(hunt, found.margin):
            bad.append(hunt.key)
    if bad:
        sys.exit(f"violated beyond rounding: {', '.join(bad)}")


if __name__ == "__main__":
    main()
