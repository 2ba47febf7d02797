"""LICENCES.md names every pinned package, with the licence that its metadata states."""

import pytest
from packaging.utils import canonicalize_name

from tests.project.licences import LICENCES, licence, pins, rows, table


def test_every_pinned_package_has_a_licence_and_no_other_is_listed():
    listed = rows(LICENCES.read_text(encoding="utf-8"))
    assert {name: version for name, (version, _) in listed.items()} == {
        canonicalize_name(name): version for name, version in pins()
    }
    assert [name for name, (_, words) in listed.items() if words == "not said"] == []


def test_the_file_is_what_is_made_of_the_metadata():
    assert LICENCES.read_text(encoding="utf-8") == table()


@pytest.mark.parametrize(("name", "words"), [("hypothesis", "MPL-2.0"), ("no-such-package", "")])
def test_a_licence_is_read_from_metadata(name, words):
    assert licence(name) == words
