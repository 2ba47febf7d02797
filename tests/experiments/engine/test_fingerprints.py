"""Which code makes a result: what a module reaches, and nothing beside it."""

import pytest

from experiments.engine import fingerprints

ROOM = {
    "__init__.py": '"""Rooms."""\nfrom theory import deep\nfrom theory.a import f\nfrom theory.b import g\n'
    '__all__ = ["f", "g"]\n',
    "a.py": "f = 1\n",
    "b.py": "from theory.a import f\ng = f\n",
    "c.py": "h = 2\n",
    "deep/__init__.py": "try:\n    import torch\nexcept ModuleNotFoundError:\n    raise\n"
    "from theory.deep.d import j\nfrom theory.deep.e import k\n",
    "deep/d.py": "j = 1\n",
    "deep/e.py": "from theory.a import f\nk = f\n",
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """In a repository with a package that passes names on, a function that writes one more file."""
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)

    def write(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    for name, text in ROOM.items():
        write(f"theory/{name}", text)
    return write


@pytest.mark.parametrize(
    "text, expected",
    [
        ("import theory", ""),
        ("import theory\ntheory.f", "a"),
        ("import theory\ntheory.g", "a b"),
        ("import theory as t\nt.f", "a"),
        ("from theory import f", "a"),
        ("from theory import c", "c"),
        ("from theory.c import h", "c"),
        ("import theory.c", "c"),
        ("import theory\ntheory.c.h", "c"),
        ("import theory\ntheory.f\ngetattr(theory, 'g')", "a b d e"),
        ("from theory import *", "a b d e"),
        ("import numpy\nnumpy.theory", ""),
        ("from theory.deep import j", "d"),
        ("from theory import deep", ""),
        ("from theory import deep\ndeep.j.real", "d"),
        ("from theory import deep as room\nroom.k", "a e"),
        ("import theory\ntheory.deep.j", "d"),
        ("import theory.deep\ntheory.deep.k", "a e"),
        ("import theory.deep as room\nroom.d", "d"),
        ("from theory import deep\nprint(deep)", "a d e"),
        ("def f():\n    from theory.c import h", "c"),
        ("import theory\ndef f(x: theory.f) -> theory.f: ...", ""),
        ("if TYPE_CHECKING:\n    from theory.b import g\nelse:\n    from theory.a import f", "a"),
        ("if not TYPE_CHECKING:\n    from theory.a import f", "a"),
    ],
)
def test_a_module_reaches_the_rooms_of_the_names_it_uses(write, text, expected):
    write("use.py", text)
    found = fingerprints.sources("use", packages=("theory",))
    assert {path.stem for path in found} == {"use", *expected.split()}


def test_an_init_that_computes_is_reached_whole(write):
    write("theory/__init__.py", "from theory.b import g\nx = g + 1\n")
    write("use.py", "import theory\ntheory.x")
    found = fingerprints.sources("use", packages=("theory",))
    assert {path.stem for path in found} == {"use", "__init__", "a", "b"}


def test_a_fingerprint_follows_what_is_reached_and_nothing_else(write):
    write("experiments/engine/sweep.py", "1")
    write("use.py", "from experiments.engine import sweep\nimport theory\ntheory.g")
    before = fingerprints.fingerprints("use")
    assert before.keys() == {"use.py", "theory/a.py", "theory/b.py"}
    write("experiments/engine/sweep.py", "2")
    write("theory/c.py", "h = 3\n")
    write("theory/__init__.py", ROOM["__init__.py"] + "from theory.c import h\n")
    assert fingerprints.fingerprints("use") == before
    write("theory/a.py", "f = 2\n")
    after = fingerprints.fingerprints("use")
    assert {name for name in after if after[name] != before[name]} == {"theory/a.py"}


def test_a_fingerprint_ignores_what_computes_nothing(write):
    write("use.py", "class A:\n    x: int = 1\ndef f(y, *z): return (y + 1)")
    plain = fingerprints.fingerprints("use")
    told = (
        '"""All."""\nfrom typing import TYPE_CHECKING\nMINUTES = 3\nif TYPE_CHECKING:\n    import torch\n'
        'class A:\n    """An A."""\n'
        '    x: int = 1\n    """An x."""\n\ndef f(y: float, *z: int) -> float:\n    return y + 1  # that'
    )
    write("use.py", told)
    assert fingerprints.fingerprints("use") == plain
    for old, new in (("y + 1", "y + 2"), ("y: float", "y: float = 0"), ("x: int", "x: float")):
        write("use.py", told.replace(old, new))
        assert fingerprints.fingerprints("use") != plain
