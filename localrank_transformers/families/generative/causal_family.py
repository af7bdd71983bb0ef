"""Rerankers that answer a prompt: causal models with yes or no, sequence-to-sequence models with their first word."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer

from localrank_transformers.call.contract import Activation
from localrank_transformers.families.generative.causal import CausalPrompt, PromptQuery
from localrank_transformers.families.tokenization import token_spans

__all__ = ["CausalFamily"]


@dataclass(frozen=True, slots=True, repr=False)
class CausalFamily:
    """See `Family`.

    Attributes:
        tokenizer: Reads a text as the prompt does.
        prompt: Joins query, instruction and document.
        reads_instruction: Whether the prompt has a place for an instruction.
        instruction: What stands there where a call brings none; None leaves it to the prompt.
        query: What one query is: whole prompts, or what an engine makes of them.
    """

    tokenizer: Tokenizer
    prompt: CausalPrompt
    reads_instruction: bool
    instruction: str | None = None
    query: type[PromptQuery] = PromptQuery
    activation: Activation = "sigmoid"
    groups: bool = True
    query_limit: str = "what this model reads of one"

    def open(self, query: str, instruction: str | None) -> PromptQuery:
        """Tokenize what comes before the document."""
        asked = (instruction or self.instruction) if self.reads_instruction else None
        head = self.prompt.head(query, asked)
        return self.query(self.prompt, head, head.truncated)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return token_spans(self.tokenizer, text)
