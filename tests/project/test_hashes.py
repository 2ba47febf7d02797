"""hashes.txt is constraints.txt with a SHA-256 for each package but torch."""

import re

from tests.project.hashes import HASHES, written
from tests.project.licences import pins


def test_the_hashed_lock_is_in_step_with_the_pins():
    text = HASHES.read_text(encoding="utf-8")
    found = re.findall(r"^(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})$", text, re.MULTILINE)
    assert [one[:2] for one in found] == [pin for pin in pins() if pin[0] != "torch"]
    assert text == written({re.sub(r"[-_.]+", "-", name).lower(): digest for name, _, digest in found})


def test_no_two_packages_share_a_hash():
    digests = re.findall(r"sha256:(\w+)", HASHES.read_text(encoding="utf-8"))
    assert len(digests) == len(set(digests)) > 100
