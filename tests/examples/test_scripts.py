"""Every example runs as a person would run it, with the embedded model and no network."""

from __future__ import annotations

from pathlib import Path

from tests.examples.scripts import EXAMPLES, output_of


def test_swapping_the_provider_changes_the_answer_and_not_the_call() -> None:
    assert output_of("swap_provider.py") == [
        "shared words: We eat at seven and leave at nine.",
        "embedded model: The diet of the giant panda is almost entirely bamboo.",
    ]


def test_the_custom_reranker_reads_the_callers_objects() -> None:
    assert output_of("custom_reranker.py") == [
        "0.79 2026-03-02 The release was moved to May.",
        "0.24 2026-01-10 The release is planned for March.",
        "0.02 2025-10-01 We talked about a release.",
    ]


def test_a_timer_stops_a_call() -> None:
    assert output_of("abort.py") == ["stopped: in_call"]


def test_a_button_stops_a_call() -> None:
    assert output_of("abort.py", "--button", typed="\n")[-1].startswith("stopped: ")


def test_the_answering_passage_comes_first_in_the_context() -> None:
    lines = output_of("rag_context.py", "How", "long", "do", "I", "press", "to", "reset", "the", "router?")

    assert lines[2] == "[1] office/Router"
    assert lines[-1] == "Question: How long do I press to reset the router?"


def test_an_evaluation_puts_the_models_beside_the_order_that_the_documents_came_in() -> None:
    assert output_of("evaluate.py") == [
        "corpus: nDCG@10 0.63, a right one first 0%",
        "shared words: nDCG@10 0.63, a right one first 0%",
        "embedded model: nDCG@10 1.00, a right one first 100%",
        "8 files, report.html the most readable",
    ]


def test_every_example_is_in_the_table_and_in_these_tests() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    table = (EXAMPLES / "README.md").read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    assert [name for name in sorted(scripts) if f"({name})" not in table] == []
    assert [name for name in sorted(scripts) if name not in tests] == []
