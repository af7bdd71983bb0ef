"""`tokenizer.json`, with what the files beside it say of normalization and of tokens in raw text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from tokenizers import AddedToken, Tokenizer
from tokenizers.normalizers import NFC, BertNormalizer, Lowercase, Normalizer, Sequence

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety.kinds import no_model
from localrank_transformers.models.folder.stated.pairs import Letters, PairSettings

__all__ = ["read_tokenizer"]

_NAME = "tokenizer.json"

_PANIC = "PanicException"

_PROBE = "A word, 12 ☃ 东京 é zqxj"
"""Text that a whole tokenizer reads: words that it knows and others, of several scripts."""


def read_tokenizer(content: bytes, said: PairSettings) -> tuple[Tokenizer, PairSettings]:
    """Return a fresh tokenizer that neither cuts nor fills up, and `said` with the end at which texts are cut.

    Args:
        content: `tokenizer.json`.
        said: What the files beside it say.

    Raises:
        ModelLoadError: It is damaged, or contradicts them.
    """
    try:
        tokenizer = Tokenizer.from_str(content.decode())
        tokenizer.encode(_PROBE, _PROBE)
    except BaseException as error:  # the library raises a bare Exception, and a panic that is none
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        what = no_model(content)
        reason = f"it is {what}" if what else str(error)[:200]
        raise ModelLoadError(f"{_NAME} cannot be read: {reason}.") from None
    if said.cut_left is None:
        said = replace(said, cut_left=(tokenizer.truncation or {}).get("direction") == "left")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    _add_tokens(tokenizer, said)
    normalizer = _normalizer(tokenizer.normalizer, said)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return tokenizer, said


def _add_tokens(tokenizer: Tokenizer, said: PairSettings) -> None:
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    named = (token for token in said.special if token not in known)
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token in named if tokenizer.token_to_id(token) is not None]
    )


def _normalizer(found: Normalizer | None, said: PairSettings) -> Normalizer | None:
    """Return the normalizer to set; None where the one that was read stays."""
    letters = said.letters
    if isinstance(found, BertNormalizer) and letters is not None and letters.of_bert:
        found = BertNormalizer(
            clean_text=found.clean_text,
            handle_chinese_chars=letters.chinese,
            strip_accents=letters.strip_accents,
            lowercase=letters.lowercase is True,
        )
    elif letters is not None and not letters.of_bert:
        _check_letters(found, letters)
    if said.lowercase_first and not _makes_small(found):
        return Sequence([Lowercase()] if found is None else [Lowercase(), _composed(found)])
    return found if found is None else _composed(found)


def _composed(found: Normalizer) -> Normalizer:
    """Return a normalizer that reads a letter alike whether its marks stand in it or behind it.

    SentencePiece composes them, and that is what its models have learnt. The library's `Precompiled` does not where a letter
    has more than five bytes, as Hangul always and kana with a mark have.
    """
    kinds = [one["type"] for one in _parts(found)]
    return Sequence([NFC(), found]) if "Precompiled" in kinds and "NFC" not in kinds else found


def _check_letters(found: Normalizer | None, letters: Letters) -> None:
    for key, wanted, does in (
        ("do_lower_case", letters.lowercase, _makes_small(found)),
        ("keep_accents", letters.keep_accents, not _strips_accents(found)),
    ):
        if wanted is not None and wanted != does:
            raise ModelLoadError(
                f"tokenizer_config.json: {key} is {wanted!r}, but the normalizer of {_NAME} does otherwise.",
                hint="Save the tokenizer again with transformers, so that both say the same.",
            )


def _makes_small(normalizer: Normalizer | None) -> bool:
    return any(
        one["type"] == "Lowercase" or (one["type"] == "BertNormalizer" and one.get("lowercase"))
        for one in _parts(normalizer)
    )


def _strips_accents(normalizer: Normalizer | None) -> bool:
    return any(one["type"] == "StripAccents" for one in _parts(normalizer))


def _parts(normalizer: Normalizer | None) -> list[Mapping[str, object]]:
    """Return the normalizers that follow each other, by their own description."""
    if normalizer is None:
        return []
    described = json.loads(normalizer.__getstate__())
    return described["normalizers"] if described["type"] == "Sequence" else [described]
