"""Texts into ids word by word, each different word tokenized once: for WordPiece as BERT has it, where words do not touch.

BERT's normalization changes character by character, its pre-tokenizer splits at whitespace, and WordPiece reads one word at a
time (Devlin et al. 2019, `tokenization.py` of google-research/bert). So the ids of a text are those of its words in order.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

if TYPE_CHECKING:
    from localrank_transformers.models.folder.stated.unigram import UnigramTokenizer

__all__ = ["LONGEST_WORD", "MOST_WORDS", "WordMemo", "word_memo"]

MOST_WORDS = 32_768
"""Words that are kept, about 8 MB; one more, and the memo begins anew."""

LONGEST_WORD = 40
"""Characters. A text with a longer word is tokenized as a whole: it has no spaces, or a word that hardly comes again."""

_pieces = re.compile(r"[!-/:-@\[-`{-~]|[^!-/:-@\[-`{-~]+").findall
"""ASCII punctuation, which is always a word of its own, and what is between."""

_controls = re.compile("[\x0b\x0c\x1c-\x1f\x85]").search
"""`str.split` splits here; BERT's normalization removes these and joins what is around them."""

Words = dict[str, bytes]


class WordMemo:
    """The ids of words that were read before. Safe to use from many threads.

    Args:
        tokenizer: It must not cut or fill up.
        lowercase: Whether it makes letters small.
        longest: Characters of a word that WordPiece still looks up.
        special: Tokens that it finds in raw text, beyond the borders of words.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, lowercase: bool, longest: int, special: Iterable[str]
    ) -> None:
        self._tokenizer = tokenizer
        self._lowercase = lowercase
        self._longest = longest
        self._special = re.compile("|".join(map(re.escape, special)) or r"(?!)").search
        self._words: Words = {}

    @property
    def size(self) -> int:
        """How many words are kept."""
        return len(self._words)

    def ids(self, texts: Sequence[str]) -> list[array[int]]:
        """Return the ids of each text as the tokenizer gives them, without special tokens around."""
        words = [self._split(text) for text in texts]
        known = self._knowing(set[str]().union(*(one for one in words if one is not None)))
        whole = iter(self._whole([text for text, one in zip(texts, words, strict=True) if one is None]))
        return [next(whole) if one is None else _joined(known, one) for one in words]

    def _split(self, text: str) -> list[str] | None:
        """Return the words of a text, or None where its ids are not those of its words."""
        if self._special(text) or _controls(text):
            return None
        words = text.split()
        return words if max(map(len, words), default=0) <= LONGEST_WORD else None

    def _knowing(self, words: set[str]) -> Words:
        """Return the memo with all of `words` in it."""
        known = self._words
        missing = words.difference(known)
        if missing:
            learnt = self._learn(missing)
            if len(known) + len(learnt) > MOST_WORDS:
                # a new one, since other threads are reading the old one
                known = self._words = {word: known[word] for word in words if word in known}
            known.update(learnt)
        return known

    def _learn(self, words: set[str]) -> Words:
        pieces = {word: _pieces(word) for word in words}
        distinct = set[str]().union(*pieces.values())
        found = {piece: number for piece in distinct if (number := self._entry(piece)) is not None}
        known = {piece: array("i", (number,)).tobytes() for piece, number in found.items()}
        rest = list(distinct.difference(known))
        known.update(zip(rest, (ids.tobytes() for ids in self._whole(rest)), strict=True))
        return {word: b"".join(map(known.__getitem__, parts)) for word, parts in pieces.items()}

    def _entry(self, piece: str) -> int | None:
        """Return the id of a plain word that is in the vocabulary as it is: WordPiece takes the longest beginning first."""
        if not piece.isascii() or len(piece) > self._longest:
            return None
        return self._tokenizer.token_to_id(piece.lower() if self._lowercase else piece)

    def _whole(self, texts: list[str]) -> list[array[int]]:
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False) if texts else []
        return [array("i", encoding.ids) for encoding in encodings]


def word_memo(tokenizer: Tokenizer | UnigramTokenizer) -> WordMemo | None:
    """Return a memo for a tokenizer whose words do not touch, and None for any other."""
    if not isinstance(tokenizer, Tokenizer):
        return None
    normalizer, model = tokenizer.normalizer, tokenizer.model
    added = tokenizer.get_added_tokens_decoder().values()
    if (
        not isinstance(normalizer, BertNormalizer)
        or not normalizer.clean_text
        or not isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        or not isinstance(model, WordPiece)
        or any(token.normalized for token in added)
    ):
        return None
    return WordMemo(
        tokenizer,
        lowercase=normalizer.lowercase,
        longest=model.max_input_chars_per_word,
        special=[token.content for token in added],
    )


def _joined(known: Words, words: Sequence[str]) -> array[int]:
    ids = array("i")
    ids.frombytes(b"".join(map(known.__getitem__, words)))
    return ids
