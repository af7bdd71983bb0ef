"""A path names a field of an object in an object."""

from __future__ import annotations

from typing import Any

import pytest

from localrank_cohere.wire.paths import found, put, without


def test_the_objects_on_the_way_are_made_once() -> None:
    body: dict[str, Any] = {"model": "m"}
    put(body, "input.query", "q")
    put(body, "input.documents", ["a"])

    assert body == {"model": "m", "input": {"query": "q", "documents": ["a"]}}


@pytest.mark.parametrize("body", [None, [], "text", {}, {"a": None}, {"a": [1]}, {"a": {"c": 1}}])
def test_what_is_not_there_is_none(body: Any) -> None:
    assert found(body, "a.b") is None


def test_a_field_is_found_at_its_path() -> None:
    assert found({"a": {"b": {"c": 3}}}, "a.b.c") == 3


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("a.b", {"a": {"c": 2}, "d": 3}),
        ("a", {"d": 3}),
        ("d", {"a": {"b": 1, "c": 2}}),
        ("x.y", {"a": {"b": 1, "c": 2}, "d": 3}),
    ],
)
def test_the_rest_is_what_stands_beside_a_path(path: str, rest: dict[str, Any]) -> None:
    body = {"a": {"b": 1, "c": 2}, "d": 3}

    assert without(body, path) == rest
    assert body == {"a": {"b": 1, "c": 2}, "d": 3}


def test_an_object_that_held_nothing_else_goes_too() -> None:
    assert without({"a": {"b": {"c": 1}}}, "a.b.c") == {}
