"""Without a framework the core works, and an integration says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

FRAMEWORKS = (
    "langchain_core",
    "llama_index",
    "haystack",
    "lancedb",
    "pyterrier",
    "flashrank",
    "rerankers",
    "sentence_transformers",
    "torch",
)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("framework", "name", "extra"),
    [
        ("langchain_core", "LocalRankCompressor", "langchain"),
        ("langchain_core", "from_langchain", "langchain"),
        ("llama_index", "LocalRankPostprocessor", "llama-index"),
        ("haystack", "LocalRankRanker", "haystack"),
        ("lancedb", "LocalRankLanceDBReranker", "lancedb"),
        ("pyterrier", "LocalRankTransformer", "pyterrier"),
    ],
)
def test_an_integration_without_its_framework_names_the_install_command(
    framework: str, name: str, extra: str
) -> None:
    done = run(f"import sys; sys.modules[{framework!r}] = None\nfrom localrank.integrations import {name}")

    last = done.stderr.splitlines()[-1]
    assert "MissingDependencyError" in last
    assert f'pip install "localrank[{extra}]"' in last


@pytest.mark.parametrize(
    ("newest", "said"),
    [((3, 99), "needs ray: not installed"), ((3, 1), "ray, which there is up to Python 3.1:")],
)
def test_a_cluster_without_ray_names_the_install_command_and_what_python_ray_has(
    newest: tuple[int, int], said: str
) -> None:
    done = run(
        "import sys; sys.modules['ray'] = None\n"
        "from localrank.integrations.ray import installed, rerank_dataset\n"
        f"installed._NEWEST_PYTHON = {newest}\n"
        "rerank_dataset(None, 'mini')"
    )

    last = done.stderr.splitlines()[-1]
    assert "MissingDependencyError" in last
    assert said in last
    assert 'pip install "localrank[ray]"' in last


def test_importing_the_rooms_and_adapting_a_function_loads_no_framework() -> None:
    code = (
        "import sys, localrank.compat\n"
        "from localrank import rerank_sync\n"
        "from localrank.integrations import from_callable, from_cross_encoder, from_flashrank, from_rerankers\n"
        "rerank_sync(from_callable(lambda query, texts: [1.0] * len(texts)), 'q', ['a'])\n"
        "print(*sys.modules)"
    )

    assert set() == set(run(code).stdout.split()) & {*FRAMEWORKS, "numpy", "pydantic"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    import localrank.compat
    import localrank.integrations

    for module in (localrank.integrations, localrank.compat):
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = module.no_such_name
