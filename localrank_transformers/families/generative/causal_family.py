"""Causal yes/no rerankers on ONNX Runtime: whole prompts in, the answering words' logits at the last token out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from localrank_transformers.call.contract import (
    Activation,
    DocumentTokens,
    EngineRequest,
    OnnxQuery,
    Row,
    Scorer,
)
from localrank_transformers.families.generative.causal import CausalPrompt, PromptQuery
from localrank_transformers.families.logits import margins
from localrank_transformers.families.tokenization import token_spans

__all__ = ["CausalFamily"]


@dataclass(frozen=True, slots=True, repr=False)
class CausalFamily:
    """See `OnnxFamily`.

    Attributes:
        tokenizer: Reads a text as the prompt does.
        prompt: Joins query, instruction and document.
        reads_instruction: Whether the prompt has a place for an instruction.
        instruction: What stands there where a call brings none; None leaves it to the prompt.
    """

    tokenizer: Tokenizer
    prompt: CausalPrompt
    reads_instruction: bool
    instruction: str | None = None
    activation: Activation = "sigmoid"
    groups: bool = True
    query_room: str = "what this model reads of one"

    def open(self, query: str, instruction: str | None) -> OnnxQuery:
        """Tokenize what comes before the document."""
        asked = (instruction or self.instruction) if self.reads_instruction else None
        return _Query(self.prompt, self.prompt.head(query, asked))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return token_spans(self.tokenizer, text)


class _Query(PromptQuery):
    """See `OnnxQuery`."""

    __slots__ = ()

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        return [Row(ids, np.zeros_like(ids)) for ids in map(self.row, documents)]

    def scorer(self, request: EngineRequest) -> Scorer:
        return lambda documents: margins(request.run(self.rows(documents)))
