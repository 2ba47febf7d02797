"""Small changes of a module's syntax tree: what a slip of the pen would leave, one at a time.

Nothing in docstrings, messages of exceptions, annotations, decorators, imports or `__all__` is changed, and
no text: a change there is one of words.
"""

import ast
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

ORDER = {ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE)}
COMPARE = ORDER | {
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_PAIRS = "min max|any all|argmin argmax|maximum minimum|floor ceil|zeros ones|exp expm1|log log1p|sum mean"
TWINS = {a: b for pair in _PAIRS.split("|") for a, b in (pair.split(), pair.split()[::-1])}
SLIGHTLY = 1.01
"""What a float is multiplied by."""
SHOWN = 60
"""Characters of code about a change, by which it is named."""
WORDS = ("help", "metavar", "prog", "description", "epilog", "strict")
"""Keywords of texts for people, and of `zip` that holds lengths against each other as an assert does."""
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Edit:
    """A node's field, or an element of it, and what is put there."""

    owner: ast.AST
    field: str
    index: int | None
    new: ast.AST | None

    def exchange(self, value):
        """Puts a value there; what was there comes back."""
        place = getattr(self.owner, self.field)
        if self.index is None:
            setattr(self.owner, self.field, value)
            return place
        old = place[self.index]
        place[self.index : self.index + 1] = [] if value is None else [value]
        return old

    def restore(self, old):
        """Takes it back."""
        if self.index is not None and self.new is None:
            getattr(self.owner, self.field).insert(self.index, old)
        else:
            self.exchange(old)


@dataclass(frozen=True)
class Mutant:
    """One change: what names it, whatever else the file says, and where it stands now."""

    name: str  # "function: before → after", with " #2" from the second of that name on
    lines: tuple[int, int]  # of the statement, or of the head of a block
    in_body: bool  # of a function: what calls it sees it; otherwise only an import does
    function: tuple[int, int]  # lines of the function about it; (0, 0) outside


def is_on(lines, mutant: Mutant) -> bool:
    """Whether it is on one of these lines."""
    return any(number in lines for number in range(mutant.lines[0], mutant.lines[1] + 1))


def listed(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of the file."""
    return [mutant for mutant, _ in _named(ast.parse(source))]


def mutated(source: str, name: str) -> ast.Module:
    """The module with that one change made."""
    tree = ast.parse(source)
    edit = next(edit for mutant, edit in _named(tree) if mutant.name == name)
    edit.exchange(edit.new)
    return ast.fix_missing_locations(tree)


def _named(tree: ast.Module) -> Iterator[tuple[Mutant, Edit]]:
    seen: Counter[str] = Counter()
    for edit, place in _edits(tree, _Place()):
        shown = place.shown or edit.owner
        before = ast.unparse(shown)
        old = edit.exchange(edit.new)
        after = ast.unparse(shown)
        edit.restore(old)
        change = _change(before, after)
        if edit.field == "body":
            change = _change(ast.unparse(old), "pass")
        name = f"{place.qualname}: {' '.join(change.split())}"
        seen[name] += 1
        if seen[name] > 1:
            name += f" #{seen[name]}"
        yield Mutant(name, place.lines, place.in_body, place.function), edit


def _change(before, after):
    """Both, whole if they are short, otherwise from a little before where they part."""
    same = 0
    while before[: same + 1] == after[: same + 1] and same < len(before):
        same += 1
    begin = max(0, same - SHOWN // 2) if max(len(before), len(after)) > 2 * SHOWN else 0
    parts = (text[begin : begin + 2 * SHOWN] for text in (before, after))
    return " → ".join("…" * (begin > 0) + part for part in parts)


@dataclass(frozen=True)
class _Place:
    """Where a walk of the tree is."""

    qualname: str = "module"
    in_body: bool = False
    lines: tuple[int, int] = (0, 0)
    function: tuple[int, int] = (0, 0)
    statement: ast.AST | None = None
    shown: ast.AST | None = None  # the largest expression about it that is short enough to name it
    bound: frozenset[str] = frozenset()  # names that have a value already

    def but(self, **changes):
        return _Place(**(self.__dict__ | changes))


def _edits(node: ast.AST, place: _Place) -> Iterator[tuple[Edit, _Place]]:
    """All edits below a node; a `raise` may go as a whole, its words stay."""
    if isinstance(node, ast.Raise):
        return
    if isinstance(node, ast.stmt):
        head = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
        last = max((child.end_lineno for child in head if hasattr(child, "end_lineno")), default=node.lineno)
        last = last if hasattr(node, "body") else node.end_lineno
        place = place.but(lines=(node.lineno, last), statement=node, shown=None)
    elif isinstance(node, ast.expr) and place.shown is None and len(ast.unparse(node)) <= SHOWN:
        place = place.but(shown=node)
    yield from ((edit, place) for edit in _of_node(node, place))
    for field, index, child in _children(node):
        inner = place
        if isinstance(node, FUNCTIONS | ast.ClassDef) and field == "body":
            inside = isinstance(node, FUNCTIONS)
            name = node.name if place.qualname == "module" else f"{place.qualname}.{node.name}"
            inner = place.but(qualname=name, in_body=inside or place.in_body, bound=_arguments(node))
            inner = inner.but(function=(node.lineno + 1, node.end_lineno)) if inside else inner
        if field in ("body", "orelse", "finalbody") and isinstance(child, ast.stmt):
            bound = inner.bound | {n for before in getattr(node, field)[:index] for n in _bound(before)}
            inner = inner.but(bound=bound)
            if _can_go(child, bound):
                at = (child.lineno, child.end_lineno or child.lineno)
                there = inner.but(lines=at, statement=child, shown=child)
                edit = Edit(node, field, index, ast.copy_location(ast.Pass(), child))
                yield edit, there
        yield from _edits(child, inner)


def _children(node):
    """(field, index, child) of what may be changed below a node."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_comment", "type_params"):
            continue
        values = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in values:
            if isinstance(child, ast.AST) and not _left_alone(child):
                yield field, index, child


def _left_alone(node):
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test) or "__name__" in ast.unparse(node.test)
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id in ("__all__", "__slots__") for t in node.targets)
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return called.startswith(("warnings.", "logging.", "TypeVar", "NewType"))


def _arguments(node):
    if not isinstance(node, FUNCTIONS):
        return frozenset()
    every = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return frozenset(one.arg for one in every)


def _bound(statement):
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _can_go(statement, bound):
    """Without it there is still a program: a call, a raise, a value put where one was."""
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Raise | ast.AugAssign | ast.Continue | ast.Break):
        return True
    if not isinstance(statement, ast.Assign) or _left_alone(statement):
        return False
    return all(isinstance(t, ast.Attribute | ast.Subscript) or _bound(t) <= bound for t in statement.targets)


def _of_node(node: ast.AST, place: _Place) -> Iterator[Edit]:
    """The edits of one node."""
    match node:
        case ast.Compare():
            for i, op in enumerate(node.ops):
                yield from (Edit(node, "ops", i, new()) for new in COMPARE[type(op)])
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            if new := ARITHMETIC.get(type(node.op)):
                yield Edit(node, "op", None, new())
        case ast.If() | ast.While() | ast.IfExp():
            if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield Edit(node, "test", None, _at(ast.UnaryOp(ast.Not(), node.test), node.test))
        case ast.Return() if node.value is not None and ast.unparse(node.value) != "None":
            yield Edit(node, "value", None, _at(ast.Constant(None), node.value))
        case ast.Call():
            used = getattr(place.statement, "value", None) is not node or not isinstance(
                place.statement, ast.Expr
            )
            kept = (None, *WORDS, *(["out"] if used else []))  # the same value, in memory of its own
            named = [i for i, keyword in enumerate(node.keywords) if keyword.arg not in kept]
            yield from (Edit(node, "keywords", i, None) for i in named)
    for field, index, child in _children(node):
        yield from (Edit(node, field, index, _at(new, child)) for new in _instead(child))


def _instead(node):
    """What may stand in an expression's place."""
    match node:
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield node.operand
        case ast.Name(id=name) if name in TWINS and isinstance(node.ctx, ast.Load):
            yield ast.Name(TWINS[name], ast.Load())
        case ast.Attribute(attr=name) if name in TWINS and isinstance(node.ctx, ast.Load):
            yield ast.Attribute(node.value, TWINS[name], ast.Load())
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            if value > 0:
                yield ast.Constant(value - 1)
        case ast.Constant(value=float(value)) if math.isfinite(value):
            yield ast.Constant(value * SLIGHTLY if value else 0.01)
            if value:
                yield ast.UnaryOp(ast.USub(), ast.Constant(value))


def _at(new, old):
    return ast.copy_location(new, old)
