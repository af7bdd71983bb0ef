"""ListT5: five passages of a query as rows that are read apart, and the written order, least relevant first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.call.contract import DocumentTokens
from localrank_transformers.families.generative.seq2seq import end_ids
from localrank_transformers.families.listwise.ordering import identifiers, repaired
from localrank_transformers.families.tokenization import (
    QUERY_SHARE,
    bounded,
    cut_documents,
    text_ids,
    token_spans,
)
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["GROUP", "TEMPLATE", "ListT5Prompt", "ListT5Query", "is_listt5", "most_relevant_first"]

GROUP = 5
"""Passages of a comparison: what the published models were trained with (https://arxiv.org/abs/2402.15838)."""

TEMPLATE = "listt5"


@dataclass(frozen=True, slots=True)
class ListT5Query:
    """A tokenized query.

    Attributes:
        heads: For each place in a group, the tokens before the passage.
        room: Tokens that a passage may have.
        truncated: Whether the query was cut.
    """

    heads: tuple[list[int], ...]
    room: int
    truncated: bool


class ListT5Prompt:
    """Makes rows `Query: …, Index: 1, Context: …`.

    Args:
        tokenizer: For the template; it must not cut or fill up.
        plain_tokenizer: A second one of the same model, for the user's texts, in which special tokens are plain text.
        max_length: Tokens of a row.

    Raises:
        ModelLoadError: The places are not one token each.
        InvalidRequestError: The window has no room beside the template.
    """

    def __init__(self, tokenizer: Tokenizer, plain_tokenizer: Tokenizer, *, max_length: int) -> None:
        plain_tokenizer.encode_special_tokens = True
        self._plain = plain_tokenizer
        self._tokenizer = tokenizer
        self._end = end_ids(tokenizer)
        self._room = max_length - len(self._head("", 0)) - len(self._end)
        if len({len(self._head("", place)) for place in range(GROUP)}) != 1:
            raise ModelLoadError("The tokenizer makes different numbers of tokens of the places 1 to 5.")
        if self._room < 16:
            raise InvalidRequestError(
                f"max_length is {max_length}, and the model's own prompt takes {max_length - self._room} tokens of it.",
                hint=f"Pass at least {max_length - self._room + 16}.",
            )

    def query(self, query: str) -> ListT5Query:
        """Tokenize a query; one beyond three quarters of the room is cut."""
        limit = int(self._room * QUERY_SHARE)
        begun = bounded(query, limit)
        offsets = token_spans(self._plain, begun)
        is_long = len(offsets) > limit
        kept = begun[: offsets[limit - 1][1]] if is_long else begun
        truncated = is_long or len(begun) < len(query)
        heads = tuple(self._head(kept, place) for place in range(GROUP))
        return ListT5Query(heads, self._room + len(self._head("", 0)) - len(heads[0]), truncated)

    def documents(self, query: ListT5Query, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents in one parallel call, each cut to the room."""
        return cut_documents(self._plain, [f" {document}" for document in documents], query.room)

    def rows(self, query: ListT5Query, group: Sequence[DocumentTokens]) -> list[list[int]]:
        """Return the rows of a group, in its order."""
        return [[*head, *document.ids, *self._end] for head, document in zip(query.heads, group, strict=True)]

    def answer(self, ids: Sequence[int]) -> str:
        """Return the text of an answer."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def _head(self, query: str, place: int) -> list[int]:
        return text_ids(self._plain, f"Query: {query}, Index: {place + 1}, Context:")


def is_listt5(files: SettingsFiles, template: str | None) -> bool:
    """Return whether a listwise model is ListT5: the only kind with an encoder.

    Raises:
        InvalidRequestError: The template is not for such files.
    """
    has_encoder = files.architecture.endswith("ForConditionalGeneration")
    if template is not None and (template == TEMPLATE) != has_encoder:
        raise InvalidRequestError(
            f"template is {template!r}, which is not for a {files.architecture}.", hint="Leave template out."
        )
    return has_encoder


def most_relevant_first(answer: str) -> tuple[list[int], bool]:
    """Return the places of a group, most relevant first, and whether the answer had to be mended.

    The model writes the least relevant first, so that the answer is read from its end; places that it left out come last.
    """
    found = identifiers(answer)[::-1]
    order = repaired(found, GROUP)
    return order, order != found
