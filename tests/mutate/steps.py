"""Mutants of the launcher's source: one statement, one element of a list, or one flag less."""

import ast
import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from tests.mutate.mutant import Mutant

_STEPS: Final = (ast.Expr, ast.If, ast.For, ast.Raise)

Cut = tuple[str, Callable[[], None]]


def mutants(file: str, text: str, names: frozenset[str]) -> Iterator[Mutant]:
    """All mutants of the functions and constants of one file that `names` has. Their text has no comments."""
    module = ast.parse(text)
    for name, top in _named(module):
        if name not in names:
            continue
        for at in range(len(list(_cuts(top)))):
            changed = copy.deepcopy(module)
            twin = dict(_named(changed))[name]
            what, cut = list(_cuts(twin))[at]
            cut()
            yield Mutant(file, name, f"without {what}", ast.unparse(ast.fix_missing_locations(changed)))


def defined(text: str) -> set[str]:
    """The functions, methods and constants of a source, by the names that `mutants` knows."""
    return {name for name, _ in _named(ast.parse(text))}


def _named(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{each.name}", each) for each in node.body if isinstance(each, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef):
            yield node.name, node
            named = (each for each in ast.walk(node) if isinstance(each, ast.keyword) and isinstance(each.value, ast.Dict))
            yield from ((f"{node.name}.{each.arg}", each.value) for each in named)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                yield target.id, node


def _cuts(top: ast.AST) -> Iterator[Cut]:
    """What can be taken out of one function or constant, each with the deed. Taken from the tree as it is: do one only."""
    if isinstance(top, ast.Assign | ast.AnnAssign) and isinstance(top.value, ast.Tuple):
        yield from _fewer(top.value.elts)
    for part in top.body if isinstance(top, ast.FunctionDef) else [top]:
        for node in ast.walk(part):
            yield from _one_side(node)
            if isinstance(node, ast.List | ast.Set):
                yield from _fewer(node.elts)
            elif isinstance(node, ast.Dict):
                yield from _fewer(node.keys, node.values)
            elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
                yield from _fewer(node.iter.elts)
    for node in ast.walk(top):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                yield from _fewer_statements(statements)


def _fewer_statements(statements: list[ast.stmt]) -> Iterator[Cut]:
    for at, statement in enumerate(statements):
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if isinstance(statement, _STEPS) and not text:
            yield _said(statement), partial(statements.__setitem__, at, ast.Pass())


def _fewer(*columns: list[Any]) -> Iterator[Cut]:
    for at in range(len(columns[0]) if len(columns[0]) > 1 else 0):
        yield ": ".join(_said(column[at]) for column in columns), partial(_delete, columns, at)


def _delete(columns: tuple[list[Any], ...], at: int) -> None:
    for column in columns:
        del column[at]


def _one_side(parent: ast.AST) -> Iterator[Cut]:
    for field, value in ast.iter_fields(parent):
        places = [(value, at, each) for at, each in enumerate(value)] if isinstance(value, list) else [(parent, field, value)]
        for holder, place, found in places:
            if isinstance(found, ast.BinOp) and isinstance(found.op, ast.BitOr):
                put = holder.__setitem__ if isinstance(holder, list) else partial(setattr, holder)
                for lost, kept in ((found.left, found.right), (found.right, found.left)):
                    if not isinstance(lost, ast.BinOp):
                        yield f"{_said(lost)} in {_said(found)}", partial(put, place, kept)


def _said(node: ast.AST | None) -> str:
    return " ".join(ast.unparse(node).split())[:70] if node is not None else "**"
