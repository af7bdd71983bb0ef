"""The examples for frameworks run where the framework is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.examples.scripts import output_of


@pytest.mark.parametrize(
    ("script", "framework"),
    [
        ("with_langchain.py", "langchain_classic"),
        ("with_llama_index.py", "llama_index"),
        ("with_haystack.py", "haystack"),
        ("with_qdrant.py", "qdrant_client"),
        ("with_lancedb.py", "lancedb"),
        ("with_pyterrier.py", "pyterrier"),
        ("with_agno.py", "agno"),
        ("with_dspy.py", "dspy"),
        ("with_txtai.py", "txtai"),
    ],
)
def test_the_answering_note_comes_first_of_three(script: str, framework: str) -> None:
    if find_spec(framework) is None:
        pytest.skip(f"needs {framework}: install the extra `frameworks` or `neighbours`")

    lines = output_of(script, "How do I reset the router?")

    assert [len(lines), " office: Router To reset the router" in lines[0]] == [3, True]
