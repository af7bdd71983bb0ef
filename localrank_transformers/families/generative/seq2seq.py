"""Sequence-to-sequence rerankers: the prompts of monoT5 and RankT5, whose first written token is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tokenizers import Tokenizer

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.families.generative.templates import CausalTemplate
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.folder.shape import window

__all__ = ["ENCODER_ONLY", "SEQ2SEQ_TEMPLATES", "end_ids", "seq2seq_template", "seq2seq_window"]

ENCODER_ONLY = "rankt5-encoder"
"""RankT5 without a decoder: a pair in, a dense layer over the first token (https://arxiv.org/abs/2210.10634, section 4.2)."""

TRAINED_LENGTH = 512
"""What monoT5 and RankT5 were trained with."""

LONGEST = 8_192
"""T5's positions are relative, so the weights set no limit; this one keeps a slip from filling the memory."""

_MONO_T5 = CausalTemplate(
    before=(),
    query="Query: {query}",
    between=(),
    document=" Document: ",
    after=(" Relevant:",),
    positive="true",
    negative="false",
    reads_instruction=False,
    source="https://arxiv.org/abs/2003.06713; https://github.com/castorini/pygaggle",
)

_RANK_T5 = CausalTemplate(
    before=(),
    query="Query: {query}",
    between=(),
    document=" Document: ",
    after=(),
    positive="<extra_id_10>",
    negative=None,
    reads_instruction=False,
    source="https://arxiv.org/abs/2210.10634; https://github.com/soyoung97/ListT5",
)

SEQ2SEQ_TEMPLATES: Mapping[str, CausalTemplate] = MappingProxyType({"monot5": _MONO_T5, "rankt5": _RANK_T5})
"""By the name that the catalogue and `TorchReranker(template=…)` use."""


def seq2seq_template(files: SettingsFiles, asked: str | None) -> str:
    """Return the name of the recipe of the model in `files`; `asked` decides where it is given.

    Raises:
        InvalidRequestError: There is no such recipe.
        ModelLoadError: The files do not tell: monoT5 and RankT5 look alike.
    """
    names = [*SEQ2SEQ_TEMPLATES, ENCODER_ONLY]
    if asked is not None and asked not in names:
        raise InvalidRequestError(f"template is {asked!r}.", hint=f"Pass one of {', '.join(names)}.")
    encoder_only = not files.architecture.endswith("ForConditionalGeneration")
    if encoder_only and asked in {None, "rankt5", ENCODER_ONLY}:
        return ENCODER_ONLY
    if asked is None:
        raise ModelLoadError(
            "The files of this sequence-to-sequence model do not tell how it was trained to answer.",
            hint=f"Say it with template=: one of {', '.join(SEQ2SEQ_TEMPLATES)}.",
        )
    return asked


def seq2seq_window(asked: int | None, affordable: int | None) -> int:
    """Return the tokens of a prompt; see `shape.window`."""
    return window(LONGEST, asked, affordable or TRAINED_LENGTH)


def end_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the special tokens that the tokenizer puts behind a text (T5: `</s>`).

    Raises:
        ModelLoadError: It puts something before the text too.
    """
    encoding = tokenizer.encode("a")
    specials = list(encoding.special_tokens_mask)
    if specials[0]:
        raise ModelLoadError(
            "The tokenizer begins a text with a special token, which this family does not read."
        )
    return [number for number, special in zip(encoding.ids, specials, strict=True) if special]
