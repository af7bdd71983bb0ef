"""Causal yes/no rerankers: a prompt in tokens, whose beginning is the same for all documents and whose end is never cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from tokenizers import Tokenizer

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.call.contract import DocumentTokens, EngineRequest, Row, Scorer
from localrank_transformers.families.generative.templates import CausalTemplate
from localrank_transformers.families.logits import document_logits
from localrank_transformers.families.tokenization import (
    QUERY_SHARE,
    bounded,
    cut_documents,
    text_ids,
    token_spans,
)

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids

__all__ = ["CausalHead", "CausalPrompt", "PromptQuery"]


@dataclass(frozen=True, slots=True)
class CausalHead:
    """The part of a prompt that all documents of a query share.

    Attributes:
        ids: Tokens up to the document.
        room: Tokens that a document may have beside it.
        truncated: Whether the query was cut.
    """

    ids: list[int]
    room: int
    truncated: bool


class CausalPrompt:
    """Makes prompts of a template.

    Texts of the user are read without special tokens, so a document that spells one cannot end its own part of the prompt.

    Args:
        tokenizer: For the template. Like the other one it must not cut or fill up.
        plain_tokenizer: A second one of the same model, for the user's texts.
        template: What to write.
        bos: The start token, for templates that begin with it.
        max_length: Tokens of a whole prompt.
        end: Special tokens after the template, for models that read their end.

    Raises:
        ModelLoadError: The vocabulary lacks the start token or a word that answers.
        InvalidRequestError: The window has no room beside the template.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        plain_tokenizer: Tokenizer,
        template: CausalTemplate,
        *,
        bos: str | None,
        max_length: int,
        end: Sequence[int] = (),
    ) -> None:
        plain_tokenizer.encode_special_tokens = True
        self._plain = plain_tokenizer
        self._template = template
        self._before = _joined(tokenizer, template.before)
        if template.starts_with_bos:
            self._before = [_token_id(tokenizer, bos or ""), *self._before]
        self._between = _joined(tokenizer, template.between)
        self.tail = [*_joined(tokenizer, template.after), *end]
        self.positive = _word_id(tokenizer, template.positive)
        self.negative = None if template.negative is None else _word_id(tokenizer, template.negative)
        fixed = len(self._before) + len(self._between) + len(self.tail)
        self._room = max_length - fixed
        if self._room < 16:
            raise InvalidRequestError(
                f"max_length is {max_length}, and the model's own prompt takes {fixed} tokens of it.",
                hint=f"Pass at least {fixed + 16}.",
            )

    def head(self, query: str, instruction: str | None) -> CausalHead:
        """Tokenize what comes before the document; a query beyond three quarters of the room is cut."""
        limit = int(self._room * QUERY_SHARE)
        begun = bounded(query, limit)
        ids = self._query_ids(begun, instruction)
        truncated = len(ids) > limit or len(begun) < len(query)
        if truncated:
            around = len(self._query_ids("", instruction))
            query = _beginning(self._plain, begun, max(1, limit - around))
            ids = self._query_ids(query, instruction)
        if len(ids) > self._room - 1:
            raise InvalidRequestError(
                f"The instruction leaves no room for a document: {len(ids)} of {self._room} tokens.",
                hint="Shorten the instruction, or pass a larger max_length.",
            )
        return CausalHead([*self._before, *ids, *self._between], self._room - len(ids), truncated)

    def documents(self, head: CausalHead, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize the documents' parts, each cut at its end to the room beside `head`."""
        lead = self._template.document
        return cut_documents(self._plain, [lead + document for document in documents], head.room)

    def _query_ids(self, query: str, instruction: str | None) -> list[int]:
        template = self._template
        asked = instruction or template.instruction
        form = template.query if asked is not None or template.query_alone is None else template.query_alone
        # Not str.format: the texts may hold braces.
        parts = [part.replace("{instruction}", asked or "") for part in form.split("{query}")]
        return text_ids(self._plain, query.join(parts))


@dataclass(slots=True, repr=False)
class PromptQuery:
    """One query in whole prompts; see `Query`."""

    prompt: CausalPrompt
    head: CausalHead
    truncated: bool
    query_tokens: ClassVar[int] = 0

    @property
    def shared_tokens(self) -> int:
        """Return 0: each prompt is computed by itself."""
        return 0

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to what fits between query and end of the prompt."""
        return self.prompt.documents(self.head, documents)

    def lengths(self, documents: Sequence[DocumentTokens]) -> list[int]:
        """Return the tokens of each whole prompt."""
        around = len(self.head.ids) + len(self.prompt.tail)
        return [around + len(document.ids) for document in documents]

    def row(self, document: DocumentTokens) -> Ids:
        """Return the whole prompt, shape (tokens,)."""
        return np.array([*self.head.ids, *document.ids, *self.prompt.tail], dtype=np.int64)

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        """Return whole prompts."""
        return [Row(ids, np.zeros_like(ids)) for ids in map(self.row, documents)]

    def scorer(self, request: EngineRequest) -> Scorer:
        """Return what runs whole prompts and takes one logit of each."""
        return lambda documents: document_logits(request.run(self.rows(documents)))


def _joined(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    return [number for text in texts for number in text_ids(tokenizer, text)]


def _beginning(tokenizer: Tokenizer, text: str, tokens: int) -> str:
    offsets = token_spans(tokenizer, text)
    return text if len(offsets) <= tokens else text[: offsets[tokens - 1][1]]


def _token_id(tokenizer: Tokenizer, token: str) -> int:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ModelLoadError(
            f"The tokenizer has no start token {token!r}, with which this model's prompt begins."
        )
    return int(number)


def _word_id(tokenizer: Tokenizer, word: str) -> int:
    ids = text_ids(tokenizer, word)
    if len(ids) != 1:
        raise ModelLoadError(
            f"The tokenizer makes {len(ids)} tokens of {word!r}, the word with which this model answers.",
            hint="The prompt is another model's: choose with template=….",
        )
    return ids[0]
