"""What is written below the fields of a struct: Python drops it, documents want it."""

import ast
import inspect
import sys
from functools import cache
from typing import Any


def of_fields(kind: type[Any]) -> dict[str, str]:
    """The docstring of each field that has one, of the struct's own and of those that it inherits, as one paragraph."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("sandboxd."):
            found |= _module(each.__module__).get(each.__name__, {})
    return found


def of_struct(kind: type[Any]) -> str:
    """The struct's own docstring as one paragraph."""
    return _paragraph(kind.__doc__ or "")


@cache
def _module(name: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: _written(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _written(node: ast.ClassDef) -> dict[str, str]:
    return {
        field.target.id: _paragraph(text.value.value)
        for field, text in zip(node.body, node.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def _paragraph(text: str) -> str:
    return " ".join(text.split())
