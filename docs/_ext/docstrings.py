"""Docstrings are written to be read in a terminal; this turns their conventions into reStructuredText."""

import re

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import theory

_NAMES = r"[a-z_]\w*(?:, [a-z_]\w*)*"
_FIELD = re.compile(rf"(?P<names>{_NAMES}): |Returns (?=\S)|Raises (?:(?P<errors>\w+(?:, \w+)*): )?|Source: ")
_NEXT_FIELD = re.compile(rf"(?<=\S)  (?={_NAMES}: |Returns |Raises )")
_CODE_OR_STRESS = re.compile(r"(`[^`]+`|(?<!\S)\*\w[\w ]*\*(?!\w))")
_ENUMERATOR = re.compile(r"^\(?\w+[.)] ")  # reStructuredText would number "(T) minimise" as an item of a list
_TABLE = re.compile(r"^=+( +=+)+$")


def convert(lines: list[str]) -> list[str]:
    """Fields as a list of parameters, formulas' asterisks and bars escaped; tables, lists and blocks kept."""
    out: list[str] = []
    in_table = in_block = in_field = False
    for number, line in enumerate(lines):
        in_table = bool(line) and (in_table or bool(_TABLE.match(line)))
        if in_table:
            out.append(line)
            continue
        begins = line.startswith("    ") and not in_block and out[-1:] == [""]
        in_block = begins or (in_block and (not line or line.startswith("    ")))
        if begins:
            out += ["::", ""]
        if in_block:
            out.append(line)
            continue
        for part in _NEXT_FIELD.split(line):
            field = _FIELD.match(part) if number else None
            if field and not in_field and out and out[-1]:
                out.append("")
            in_field = bool(part) and (bool(field) or in_field)
            out.append(_field(field, part) if field else "  " * in_field + _escaped(part))
    return out


def _field(match: re.Match[str], text: str) -> str:
    if match["names"]:
        head = f"param {match['names'].replace(' ', '')}"  # a space would make the first one a type
    elif match["errors"]:
        head = f"raises {match['errors']}"
    else:
        head = match[0].strip(": ")
    return f":{head}: {_escaped(text[match.end() :])}"


def _escaped(line: str) -> str:
    """The line with no markup but code in backticks, a stressed word and the bullet of a list."""
    bullet, words = re.fullmatch(r"(\* )?(.*)", line).groups("")
    parts = _CODE_OR_STRESS.split(words)
    parts[::2] = [re.sub(r"([*|_\\])", r"\\\1", part) for part in parts[::2]]
    return bullet + _ENUMERATOR.sub(r"\\\g<0>", "".join(parts))


def _process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = convert(lines)


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """`theory.project`, which is documented where it is written: in `theory.projection`."""
    package, _, name = node["reftarget"].rpartition(".")
    if package != "theory" or not hasattr(theory, name):
        return None
    target = f"{getattr(theory, name).__module__}.{name}"
    return env.get_domain("py").resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the conversion."""
    app.connect("autodoc-process-docstring", _process)
    app.connect("missing-reference", _resolve)
    return {"version": "1", "parallel_read_safe": True}
