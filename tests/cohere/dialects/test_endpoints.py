"""A base address may be the root, a prefix, or the whole endpoint whatever its last word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localrank import InvalidRequestError
from localrank_cohere.dialects.endpoints import endpoint
from localrank_cohere.dialects.table import DIALECTS, Dialect, dialect_named


@pytest.mark.parametrize(
    ("dialect", "base", "expected"),
    [
        ("cohere", None, "https://api.cohere.com/v2/rerank"),
        ("cohere", "https://h", "https://h/v2/rerank"),
        ("cohere", "https://h/", "https://h/v2/rerank"),
        ("cohere", "https://h/v2", "https://h/v2/rerank"),
        ("cohere", "https://h/v2/rerank", "https://h/v2/rerank"),
        ("cohere", "https://h/providers/cohere/v2", "https://h/providers/cohere/v2/rerank"),
        ("cohere", "https://h/proxy", "https://h/proxy/v2/rerank"),
        ("jina", "http://127.0.0.1:7997", "http://127.0.0.1:7997/v1/rerank"),
        ("jina", "http://127.0.0.1:7997/rerank", "http://127.0.0.1:7997/rerank"),
        ("voyage", "https://ai.mongodb.com/v1", "https://ai.mongodb.com/v1/rerank"),
        ("mixedbread", "https://h/v1", "https://h/v1/reranking"),
        ("tei", "http://[::1]:8080", "http://[::1]:8080/rerank"),
        ("cohere", "https://h/v2?api-version=1", "https://h/v2/rerank?api-version=1"),
        ("cohere", "https://h/v1", "https://h/v1/rerank"),
        ("cohere", "https://h/account/cohere", "https://h/account/cohere/v2/rerank"),
        ("jina", "http://h/infinity/", "http://h/infinity/v1/rerank"),
        ("cohere", "https://h/v3/", "https://h/v3/rerank"),
        ("jina", "https://h/openai/v1", "https://h/openai/v1/rerank"),
        ("tei", "https://h/v1beta1", "https://h/v1beta1/rerank"),
        ("jina", "http://h/api/v1/reranking", "http://h/api/v1/reranking"),
        ("jina", "http://h/api/rerank/", "http://h/api/rerank/"),
        ("cohere", "http://h/score?x=1", "http://h/score?x=1"),
        ("cohere", "http://h/model/own/invoke", "http://h/model/own/invoke"),
        ("tei", "http://h/predict/", "http://h/predict/"),
        ("cohere", "http://h/rerank/v1", "http://h/rerank/v1"),
    ],
)
def test_the_path_is_completed(dialect: str, base: str | None, expected: str) -> None:
    assert endpoint(dialect_named(dialect), base).url == expected


DEEP = replace(dialect_named("jina"), also_short=False, path="/inference/v1/{model}/rank")


@pytest.mark.parametrize(
    "base",
    [
        "https://h",
        "https://h/inference",
        "https://h/inference/",
        "https://h/inference/v1",
        "https://h/inference/v1/maker/a%20model",
        "https://h/inference/v1/maker/a%20model/rank",
    ],
)
def test_a_base_may_end_anywhere_on_the_dialects_own_path(base: str) -> None:
    assert endpoint(DEEP, base, "maker/a model").url == "https://h/inference/v1/maker/a%20model/rank"


def test_a_prefix_may_stand_before_the_dialects_own_path() -> None:
    assert endpoint(DEEP, "https://h/team/inference", "m").url == "https://h/team/inference/v1/m/rank"


def test_what_stands_after_the_version_follows_a_version() -> None:
    assert endpoint(DEEP, "https://h/proxy/v3", "m").url == "https://h/proxy/v3/m/rank"


def test_a_models_name_reaches_no_other_host_and_no_query() -> None:
    url = endpoint(DEEP, "https://h", "../x?a=b#c").url

    assert url.startswith("https://h/inference/v1/")
    assert url.endswith("/x%3Fa%3Db%23c/rank")


@pytest.mark.parametrize(
    ("dialect", "base", "others", "second"),
    [
        ("cohere", None, (), None),
        ("cohere", "https://h", ("https://h/rerank",), None),
        ("jina", "http://h", ("http://h/rerank",), "http://h/rerank"),
        ("jina", "http://h/v1?a=b", ("http://h/rerank?a=b",), "http://h/rerank?a=b"),
        ("tei", "http://h", ("http://h/v1/rerank",), None),
        ("cohere", "http://h/team/v1", ("http://h/team/rerank",), None),
        ("cohere", "http://h/a/b/v2/rerank", ("http://h/a/b/rerank", "http://h/a/b/v2/rerank/"), None),
        ("jina", "http://h/infinity", ("http://h/infinity/rerank",), "http://h/infinity/rerank"),
        ("jina", "http://h/rerank", ("http://h/v1/rerank", "http://h/rerank/"), None),
        ("jina", "http://h/v1/rerank/", ("http://h/rerank", "http://h/v1/rerank"), None),
        ("cohere", "http://h/team", ("http://h/team/v2/rerank", "http://h/team/"), "http://h/team/v2/rerank"),
    ],
)
def test_where_else_a_server_may_listen(
    dialect: str, base: str | None, others: tuple[str, ...], second: str | None
) -> None:
    found = endpoint(dialect_named(dialect), base)

    assert (found.others, found.second) == (others, second)
    assert all(endpoint(dialect_named(dialect), other).url == other for other in others)


@pytest.mark.parametrize(
    "base",
    [
        "",
        "localhost:8080",
        "ftp://h",
        "http://",
        "http://user:pass@h",
        "http://h#x",
        "http://h:x",
        7,
        "http://[::1",
        "http://a..b",
        f"http://{'a' * 64}.example",
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(base: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        endpoint(dialect_named("cohere"), base)  # type: ignore[arg-type]

    assert "pass" not in str(caught.value).partition(".")[0]


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("vllm", "http://127.0.0.1:8000/v1/rerank"),
        ("sglang", "http://127.0.0.1:30000/v1/rerank"),
        ("nim", "http://127.0.0.1:8000/v1/ranking"),
        ("infinity", "http://127.0.0.1:7997/rerank"),
        ("llamacpp", "http://127.0.0.1:8080/v1/rerank"),
        ("localai", "http://127.0.0.1:8080/v1/rerank"),
        ("xinference", "http://127.0.0.1:9997/v1/rerank"),
        ("openvino", "http://127.0.0.1:8000/v3/rerank"),
    ],
)
def test_a_server_of_ones_own_is_looked_for_where_it_listens(dialect: str, expected: str) -> None:
    assert endpoint(dialect_named(dialect), None).url == expected


@pytest.mark.parametrize(
    ("dialect", "base", "expected"),
    [
        ("openvino", "http://h:9000/v3", "http://h:9000/v3/rerank"),
        ("novita", "https://api.novita.ai/openai/v1", "https://api.novita.ai/openai/v1/rerank"),
        ("novita", "https://api.novita.ai/openai", "https://api.novita.ai/openai/v1/rerank"),
        (
            "fireworks",
            "https://api.fireworks.ai/inference/v1",
            "https://api.fireworks.ai/inference/v1/rerank",
        ),
        ("openrouter", "https://openrouter.ai/api", "https://openrouter.ai/api/v1/rerank"),
        ("zeroentropy", "https://api.zeroentropy.dev/v1", "https://api.zeroentropy.dev/v1/models/rerank"),
        ("isaacus", "https://api.isaacus.com/v1", "https://api.isaacus.com/v1/rerankings"),
        ("nim", "http://h:8000/v1", "http://h:8000/v1/ranking"),
        ("deepinfra", "https://api.deepinfra.com/v1/inference", "https://api.deepinfra.com/v1/inference/o/m"),
        ("nvidia", "https://ai.api.nvidia.com/v1", "https://ai.api.nvidia.com/v1/retrieval/o/m/reranking"),
        (
            "alibaba",
            "https://dashscope-intl.aliyuncs.com/api/v1",
            "https://dashscope-intl.aliyuncs.com/api/v1/services/rerank/text-rerank/text-rerank",
        ),
        (
            "alibaba-compatible",
            "https://dashscope-intl.aliyuncs.com/compatible-api/v1",
            "https://dashscope-intl.aliyuncs.com/compatible-api/v1/reranks",
        ),
        ("vercel", "https://ai-gateway.vercel.sh", "https://ai-gateway.vercel.sh/v2/rerank"),
        ("vercel", "https://ai-gateway.vercel.sh/v1", "https://ai-gateway.vercel.sh/v1/rerank"),
    ],
)
def test_the_addresses_that_services_document_as_their_base_work(
    dialect: str, base: str, expected: str
) -> None:
    assert endpoint(dialect_named(dialect), base, "o/m").url == expected


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("nvidia/llama-nemotron-rerank-1b-v2", "nvidia/llama-nemotron-rerank-1b-v2"),
        ("nvidia/llama-nemotron-rerank-vl-1b-v2", "nvidia/llama-nemotron-rerank-vl-1b-v2"),
        ("nvidia/llama-3.2-nv-rerankqa-1b-v2", "nvidia/llama-3_2-nv-rerankqa-1b-v2"),
    ],
)
def test_a_model_hosted_by_nvidia_stands_where_its_own_client_has_it(model: str, path: str) -> None:
    """The addresses are those of the table in langchain-nvidia-ai-endpoints 1.5.0."""
    expected = f"https://ai.api.nvidia.com/v1/retrieval/{path}/reranking"

    assert endpoint(dialect_named("nvidia"), None, model).url == expected


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if one.home], ids=lambda one: one.name)
def test_the_vendors_own_address_is_asked_once(dialect: Dialect) -> None:
    found = endpoint(dialect, None, "m")

    assert found == endpoint(dialect, dialect.home, "m")
    assert (found.others, found.second) == ((), None)


def test_a_dialect_without_a_home_needs_an_address() -> None:
    with pytest.raises(InvalidRequestError, match="base_url="):
        endpoint(dialect_named("tei"), None)
