"""What a server's word on the outcome becomes."""

from __future__ import annotations

from typing import Any

import pytest

from localrank_cohere.call.outcomes import told_outcome


def rest(**outcome: Any) -> dict[str, Any]:
    return {"meta": {"outcome": outcome}}


@pytest.mark.parametrize(
    ("headers", "body", "types", "served_by"),
    [
        ({}, rest(kind="degraded", reasons=["fallback"], served_by="a:b"), [], None),
        ({"x-localrank-outcome": "ranked"}, rest(served_by="a:b"), [], "a:b"),
        ({"x-localrank-outcome": "degraded"}, None, ["fallback"], None),
        (
            {"x-localrank-outcome": "partial"},
            rest(reasons=["deadline_exceeded"]),
            ["deadline_exceeded"],
            None,
        ),
        (
            {"x-localrank-outcome": "degraded"},
            rest(reasons=["deadline_exceeded", "news", 3]),
            ["deadline_exceeded", "fallback"],
            None,
        ),
        ({"x-localrank-outcome": "news"}, {"meta": []}, [], None),
        ({"x-localrank-outcome": "skipped"}, rest(reasons="x", served_by=7), ["rerank_skipped"], None),
    ],
)
def test_kind_and_reasons_become_warnings(
    headers: dict[str, str], body: Any, types: list[str], served_by: str | None
) -> None:
    warnings, name = told_outcome(headers, body)

    assert ([warning.type for warning in warnings], name) == (types, served_by)
