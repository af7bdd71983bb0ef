"""The warnings that many models give, in one wording."""

from __future__ import annotations

from localrank import DoRerankOptions
from localrank.providers.remarks import (
    documents_truncated,
    query_truncated,
    unread_instruction,
    unread_language,
    unread_options,
)


def test_each_option_under_the_own_name_is_said_to_be_ignored() -> None:
    options = DoRerankOptions("q", ["a"], provider_options={"mine": {"x": 1, "y": 2}, "other": {"z": 3}})
    assert [warning.feature for warning in unread_options(options, "mine")] == ["x", "y"]


def test_without_options_nothing_is_said() -> None:
    assert unread_options(DoRerankOptions("q", ["a"]), "mine") == []


def test_an_instruction_that_nobody_reads_is_said() -> None:
    (warning,) = unread_instruction(DoRerankOptions("q", ["a"], instruction="Judge."), "mine")
    assert (warning.type, warning.feature) == ("unsupported", "instruction")


def test_without_an_instruction_nothing_is_said() -> None:
    assert unread_instruction(DoRerankOptions("q", ["a"]), "mine") == []


def test_a_cut_query_names_its_limit() -> None:
    assert "longer than half the window" in query_truncated("half the window").message


def test_cut_documents_are_counted() -> None:
    assert "2 of 5 documents" in documents_truncated(2, 5).message


def test_an_unread_language_names_model_language_and_what_to_take() -> None:
    warning = unread_language("mine", "documents", "Thai script", "Take another.")
    assert (warning.type, warning.feature) == ("unread_language", "documents")
    assert warning.message.startswith(
        "Most of the documents seem to be in Thai script, which mine does not read;"
    )
    assert warning.message.endswith("Take another.")
