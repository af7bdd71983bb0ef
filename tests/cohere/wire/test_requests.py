"""What is asked stands where the dialect says, in UTF-8."""

from __future__ import annotations

import json

from localrank_cohere.dialects.table import dialect_named
from localrank_cohere.wire.requests import request_body
from tests.support.nested_dialect import NESTED


def test_every_field_of_a_request_may_stand_in_objects() -> None:
    body = request_body(
        NESTED,
        model="m",
        query="q",
        documents=["a", "b"],
        top_k=1,
        fields={"settings.cut": "NONE", "more": 1},
    )

    assert json.loads(body) == {
        "settings": {"model": "m", "top_n": 1, "echo": False, "cut": "NONE"},
        "input": {"query": ["q", "q"], "documents": [{"text": "a"}, {"text": "b"}]},
        "more": 1,
    }


def test_text_is_sent_as_utf8_and_lone_surrogates_are_replaced() -> None:
    body = request_body(
        dialect_named("cohere"), model="m", query="é", documents=["巴黎", "\ud83d"], top_k=None, fields={}
    )

    assert body.decode() == '{"model":"m","query":"é","documents":["巴黎","?"]}'
