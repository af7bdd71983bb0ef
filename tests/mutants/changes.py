"""Small changes of a module's source, each of which a test should notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Mutant", "mutants"]

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
TEXT = (ast.JoinedStr, ast.Starred)
"""Arguments that are not exchanged: texts for people, and any number of arguments."""
UNCHANGED = {"annotation", "returns", "decorator_list", "bases"}
"""Fields that say what is known before the code runs."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed source."""

    line: int
    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """Make every change of `source` that is known here, one at a time, in the order of the lines."""
    tree = ast.parse(source)
    made = []
    for parent, field, place, node in _nodes(tree):
        for new in _changes(node):
            _put(parent, field, place, new)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, place, node)
            before, after = (" ".join(ast.unparse(each).split()) for each in (node, new))
            made.append(Mutant(getattr(node, "lineno", 0), f"{before[:70]} -> {after[:70]}", text))
    return sorted(made, key=lambda mutant: mutant.line)


def _put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def _nodes(parent: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(parent):
        if field in UNCHANGED or isinstance(parent, (ast.JoinedStr, ast.Raise)):
            continue
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST) and not _is_for_types(node):
                yield parent, field, place, node
                yield from _nodes(node)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _changes(node: ast.AST) -> list[ast.AST]:
    return _of_operators(node) or _of_values(node) or _of_statements(node) or _of_calls(node)


def _of_operators(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Compare(left, [operator], right):
            return [ast.Compare(left, [_other(operator)], right)]
        case ast.BoolOp(operator, values):
            return [ast.BoolOp(_other(operator), values)]
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            return [ast.BinOp(left, _other(operator), right)]
    return []


def _of_values(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            return [operand]
        case ast.Constant(bool(value)):
            return [ast.Constant(not value)]
        case ast.Constant(int(value) | float(value)):
            return [ast.Constant(value + 1)]
        case ast.Subscript(value, ast.Slice()):
            return [value]
    return []


def _of_statements(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.If(_, body, orelse):
            return [ast.If(ast.Constant(value=False), body, orelse)]
        case ast.IfExp(_, body, orelse):
            return [body, orelse]
        case ast.comprehension(target, iterable, [_, *others], is_async):
            return [ast.comprehension(target, iterable, others, is_async)]
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            return [ast.Return(ast.Constant(value=None))]
        case ast.Raise() | ast.AugAssign() | ast.Expr(ast.Call() | ast.Await()):
            return [ast.Pass()]
    return []


def _of_calls(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Call(ast.Name(name), arguments, keywords) if name in NAMES:
            return [ast.Call(ast.Name(NAMES[name], ast.Load()), arguments, keywords)]
        case ast.Call(called, [first, second, *others], keywords):
            if not isinstance(first, TEXT) and not isinstance(second, TEXT):
                return [ast.Call(called, [second, first, *others], keywords)]
    return []


def _other(operator: ast.AST) -> Any:
    return OPERATORS[type(operator)]()
