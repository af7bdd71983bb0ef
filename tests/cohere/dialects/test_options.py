"""Options are checked before a request: a bad value is an error, an unknown name a warning."""

from __future__ import annotations

from typing import Any

import pytest

from localrank import InvalidRequestError, rerank
from localrank_cohere import CohereReranker
from localrank_cohere.dialects.options import check_options
from localrank_cohere.dialects.table import dialect_named
from tests.support.rerank_server import RerankServer


def fields(dialect: str, **given: Any) -> dict[str, Any]:
    spoken = dialect_named(dialect)
    return check_options(spoken.options, given, spoken.provider)[0]


@pytest.mark.parametrize(
    ("dialect", "given", "expected"),
    [
        ("cohere", {"max_tokens_per_doc": 1}, {"max_tokens_per_doc": 1}),
        ("cohere", {"priority": 0}, {"priority": 0}),
        ("cohere", {"priority": None}, {}),
        ("cohere", {"relevant_spans": True}, {"relevant_spans": {"mode": "enabled"}}),
        ("cohere", {"relevant_spans": False}, {"relevant_spans": {"mode": "disabled"}}),
        ("cohere-v1", {"max_chunks_per_doc": 3}, {"max_chunks_per_doc": 3}),
        ("voyage", {"truncation": False}, {"truncation": False}),
        ("tei", {"truncation": False}, {"truncate": False}),
        ("tei", {"truncation_direction": "Left"}, {"truncation_direction": "Left"}),
        ("pinecone", {"truncation": False}, {"parameters.truncate": "NONE"}),
        ("nim", {"truncation": False}, {"truncate": "NONE"}),
        ("zeroentropy", {"latency": "slow"}, {"latency": "slow"}),
        ("isaacus", {"scoring_method": "chunk_avg"}, {"scoring_method": "chunk_avg"}),
        ("isaacus", {"is_iql": True}, {"is_iql": True}),
        ("openrouter", {"provider": {"only": ["cohere"]}}, {"provider": {"only": ["cohere"]}}),
        ("vercel", {"gateway": {"only": ["bedrock"]}}, {"providerOptions.gateway": {"only": ["bedrock"]}}),
        ("siliconflow", {"overlap_tokens": 80}, {"overlap_tokens": 80}),
        ("vllm", {"truncate_prompt_tokens": -1}, {"truncate_prompt_tokens": -1}),
        ("vllm", {"chat_template_kwargs": {"a": 1}}, {"chat_template_kwargs": {"a": 1}}),
    ],
)
def test_an_option_is_written_as_the_dialect_wants_it(
    dialect: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert fields(dialect, **given) == expected


@pytest.mark.parametrize(
    ("dialect", "given", "wanted"),
    [
        ("cohere", {"max_tokens_per_doc": 0}, "an integer of at least 1"),
        ("cohere", {"max_tokens_per_doc": True}, "an integer of at least 1"),
        ("cohere", {"max_tokens_per_doc": "5"}, "an integer of at least 1"),
        ("cohere", {"priority": 1000}, "an integer from 0 to 999"),
        ("cohere", {"relevant_spans": {"treshold": 1}}, "True, False, or a mapping with 'threshold'"),
        ("cohere", {"relevant_spans": {"threshold": 2}}, "True, False, or a mapping with 'threshold'"),
        (
            "cohere",
            {"relevant_spans": {"threshold": float("nan")}},
            "True, False, or a mapping with 'threshold'",
        ),
        ("cohere", {"relevant_spans": {"max_spans": 0}}, "True, False, or a mapping with 'threshold'"),
        ("cohere", {"relevant_spans": 1}, "True, False"),
        ("voyage", {"truncation": 1}, "True or False"),
        ("tei", {"truncation_direction": "up"}, "'Left' or 'Right'"),
        ("zeroentropy", {"latency": "auto"}, "'fast' or 'slow'"),
        ("isaacus", {"scoring_method": "max"}, "'auto' or 'chunk_max' or 'chunk_avg' or 'chunk_min'"),
        ("siliconflow", {"overlap_tokens": 81}, "an integer from 0 to 80"),
        ("pinecone", {"rank_fields": "text"}, "a list of names"),
        ("pinecone", {"rank_fields": []}, "a list of names"),
        ("vllm", {"request_id": " "}, "a string that is not blank"),
        ("vllm", {"chat_template_kwargs": {1: 2}}, "a mapping with string keys"),
        ("vllm", {"chat_template_kwargs": {"a": float("nan")}}, "a mapping that JSON can hold"),
    ],
)
def test_a_bad_value_is_refused_with_the_mend(dialect: str, given: dict[str, Any], wanted: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"Pass {wanted}") as caught:
        fields(dialect, **given)

    assert repr(next(iter(given))) in str(caught.value)


@pytest.mark.anyio
async def test_a_bad_value_sends_nothing(server: RerankServer, reranker: CohereReranker) -> None:
    with pytest.raises(InvalidRequestError):
        await rerank(reranker, "q", ["a"], provider_options={"cohere": {"priority": -1}})

    assert server.requests == []


@pytest.mark.anyio
async def test_an_unknown_option_is_a_warning_and_is_not_sent(
    server: RerankServer, reranker: CohereReranker
) -> None:
    options = {"cohere": {"max_tokens": 5, "max_tokens_per_doc": 7}}
    result = await rerank(reranker, "q", ["a"], provider_options=options)

    assert [(one.type, one.feature) for one in result.warnings] == [("unsupported", "max_tokens")]
    assert server.requests[0].body["max_tokens_per_doc"] == 7
    assert "max_tokens" not in server.requests[0].body
