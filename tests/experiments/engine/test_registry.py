"""Which code makes a result: what a module reaches, and nothing beside it."""

import pytest

from experiments.engine import registry


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A repository with a package that passes names on; writes a module `use` and says what it reaches."""
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    (tmp_path / "theory").mkdir()
    (tmp_path / "theory" / "__init__.py").write_text(
        '"""Rooms."""\nfrom theory.a import f\nfrom theory.b import g\n__all__ = ["f", "g"]\n'
    )
    (tmp_path / "theory" / "a.py").write_text("f = 1\n")
    (tmp_path / "theory" / "b.py").write_text("from theory.a import f\ng = f\n")
    (tmp_path / "theory" / "c.py").write_text("h = 2\n")

    def reached(text):
        (tmp_path / "use.py").write_text(text)
        return {path.stem for path in registry.sources("use", packages=("theory",))} - {"use"}

    return reached


@pytest.mark.parametrize(
    "text, expected",
    [
        ("import theory\ntheory.f", {"a"}),
        ("import theory\ntheory.g", {"a", "b"}),
        ("import theory as t\nt.f", {"a"}),
        ("from theory import f", {"a"}),
        ("from theory import c", {"c"}),
        ("from theory.c import h", {"c"}),
        ("import theory\ntheory.c.h", {"c"}),
        ("import theory\ntheory.f\ngetattr(theory, 'g')", {"a", "b"}),
        ("import numpy\nnumpy.theory", set()),
    ],
)
def test_a_module_reaches_the_rooms_of_the_names_it_uses(house, text, expected):
    assert house(text) == expected


def test_an_init_that_computes_is_reached_whole(house):
    (registry.ROOT / "theory" / "__init__.py").write_text("from theory.b import g\nx = g + 1\n")
    assert house("import theory\ntheory.x") == {"__init__", "a", "b"}


def test_a_room_that_is_not_used_changes_no_fingerprint(house):
    house("import theory\ntheory.f")
    before = registry.fingerprints("use")
    (registry.ROOT / "theory" / "c.py").write_text("h = 3\n")
    with (registry.ROOT / "theory" / "__init__.py").open("a") as init:
        init.write("from theory.c import h\n")
    assert registry.fingerprints("use") == before
    (registry.ROOT / "theory" / "a.py").write_text("f = 2\n")
    assert registry.fingerprints("use") != before
