"""Generative listwise rerankers: a window of passages as one prompt that fits, and the answer as an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.families.listwise.chat import ChatFormat
from localrank_transformers.families.listwise.prompts import LIST_TEMPLATES, conversation, label
from localrank_transformers.families.tokenization import bounded, text_ids

__all__ = ["ListPrompt", "WindowPrompt", "list_template"]

LONGEST_PASSAGE = 300
"""Words of a passage at most, as in RankGPT and rank_llm."""

CHARACTERS_PER_WORD = 16
"""A passage of n words is cut to 16 n characters too, for scripts that put no spaces between words."""

SPARE_TOKENS = 8
"""An answer may be this much longer than the plain list of identifiers."""

GENERATIVE_WINDOW = 4_096
"""Tokens of a prompt where the catalogue states none: twenty passages of 150 words, and what RankZephyr was trained with."""


def list_template(asked: str | None) -> str:
    """Return the name of the prompt: `asked`, or RankGPT's, which any instruction-tuned model can read.

    Raises:
        InvalidRequestError: There is no such prompt.
    """
    if asked is not None and asked not in LIST_TEMPLATES:
        raise InvalidRequestError(
            f"template is {asked!r}.", hint=f"Pass one of {', '.join([*LIST_TEMPLATES, 'listt5'])}."
        )
    return asked or "rankgpt"


@dataclass(frozen=True, slots=True)
class WindowPrompt:
    """One question to the model.

    Attributes:
        ids: Its tokens.
        cut: Which passages were cut.
    """

    ids: list[int]
    cut: list[bool]


class ListPrompt:
    """Makes prompts that fit.

    Args:
        tokenizer: It must not cut or fill up.
        template: A name in `LIST_TEMPLATES`.
        chat: Renders the conversation.
        max_length: Tokens of prompt and answer together.
        letters: Identifiers are letters, and the prompt goes on to the bracket before the first one.
    """

    def __init__(
        self, tokenizer: Tokenizer, template: str, chat: ChatFormat, *, max_length: int, letters: bool
    ) -> None:
        self._tokenizer = tokenizer
        self._template = LIST_TEMPLATES[template]
        self._chat = chat
        self._letters = letters
        self._max_length = max_length
        added = tokenizer.get_added_tokens_decoder().values()
        self._specials = sorted((token.content for token in added if token.special), key=len, reverse=True)

    def prompt(self, query: str, passages: Sequence[str]) -> WindowPrompt:
        """Return the prompt in which the passages keep as many words as fit, at most 300 each.

        Raises:
            InvalidRequestError: Not even one word a passage fits.
        """
        room = self._max_length - self.answer_length(len(passages))
        query = self._harmless(bounded(query, room))
        passages = [self._harmless(text) for text in passages]
        words = LONGEST_PASSAGE
        ids = self._ids(query, passages, words)
        if len(ids) > room:
            words = self._most_words(query, passages, room)
            ids = self._ids(query, passages, words)
        if len(ids) > room:
            raise InvalidRequestError(
                f"The query and {len(passages)} passages of one word take {len(ids)} tokens; the model's prompt has {room}.",
                hint="Pass a smaller listwise=Listwise(window=…), a larger max_length or a shorter query.",
            )
        return WindowPrompt(ids, [_cut(text, words) != _cut(text, len(text)) for text in passages])

    def _most_words(self, query: str, passages: Sequence[str], room: int) -> int:
        fits, too_many = 1, LONGEST_PASSAGE
        while too_many - fits > 1:
            words = (fits + too_many) // 2
            if len(self._ids(query, passages, words)) <= room:
                fits = words
            else:
                too_many = words
        return fits

    def _ids(self, query: str, passages: Sequence[str], words: int) -> list[int]:
        cut = [_cut(text, words) for text in passages]
        asked = self._chat.render(conversation(self._template, query, cut, letters=self._letters))
        return text_ids(self._tokenizer, f"{asked}[" if self._letters else asked)

    def answer_length(self, count: int) -> int:
        """Return the tokens that an order of `count` passages takes at most; one in first-token mode."""
        if self._letters:
            return 1
        plain = " > ".join(f"[{index + 1}]" for index in range(count))
        return len(text_ids(self._tokenizer, plain)) + SPARE_TOKENS

    def letter_ids(self, count: int) -> list[int]:
        """Return the ids of the first `count` letters as they stand behind a bracket.

        Raises:
            ModelLoadError: The tokenizer makes no single token of one.
        """
        bracket = text_ids(self._tokenizer, "[")
        letter_ids = []
        for index in range(count):
            letter = label(index, letters=True)
            ids = text_ids(self._tokenizer, f"[{letter}")
            if ids[:-1] != bracket:
                raise ModelLoadError(
                    f"The tokenizer makes no token of its own of the letter {letter!r} behind a bracket.",
                    hint='Use listwise=Listwise(answer="permutation") with this model.',
                )
            letter_ids.append(ids[-1])
        return letter_ids

    def answer(self, ids: Sequence[int]) -> str:
        """Return the text of an answer."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def _harmless(self, text: str) -> str:
        """Return `text` with a space in what would be read as a special token, which could end its part of the prompt."""
        for token in self._specials:
            if token in text:
                text = text.replace(token, f"{token[:1]} {token[1:]}")
        return text


def _cut(text: str, words: int) -> str:
    """Return the first words of `text`, with single spaces between them."""
    return " ".join(text.split()[:words])[: CHARACTERS_PER_WORD * words]
