"""Late interaction (ColBERT): query and documents as rows of their own, with the markers, lengths and masks of three layouts.

The layouts are Stanford's (`HF_ColBERT` and `artifact.metadata`: ColBERT v2, answerai-colbert), PyLate's (`modules.json` and
`config_sentence_transformers.json`: GTE-ModernColBERT) and that of sentence-transformers' MultiVectorEncoder.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from localrank.contract.errors import ModelLoadError
from localrank_transformers.tokenization import DocumentTokens, Ids, cut_documents, text_ids
from localrank_transformers.torch_files import TorchFiles

__all__ = ["LateLayout", "LateQuery", "LateTokenizer", "is_late_interaction", "read_late_layout"]

STANFORD = "HF_ColBERT"
_PUNCTUATION = tuple(string.punctuation)


@dataclass(frozen=True, slots=True)
class LateLayout:
    """What the files of a late-interaction model say.

    Attributes:
        encoder: The encoder's folder within the model's folder; empty for that folder itself.
        dense: The folders of the projections, in order; empty where `linear.weight` lies beside the encoder's weights.
        query_prefix: Text or marker token that a query begins with.
        document_prefix: The same for a document.
        query_length: Tokens of a query, special tokens included, beyond which it is cut; None for no limit of its own.
        document_length: The same for documents.
        expanded_length: Length up to which a query is filled with mask tokens that count as its own; None for none.
        attends: Whether the other tokens see them.
        expansion_token: What fills; None for the tokenizer's mask token.
        skipped: Tokens of a document that are read but not compared.
    """

    encoder: str
    dense: tuple[str, ...]
    query_prefix: str
    document_prefix: str
    query_length: int | None
    document_length: int | None
    expanded_length: int | None
    attends: bool
    expansion_token: str | None
    skipped: tuple[str, ...]


def is_late_interaction(files: TorchFiles) -> bool:
    """Return whether the files prove a late-interaction model."""
    stated = files.json("config_sentence_transformers.json").get("model_type")
    return files.architecture == STANFORD or stated in {"ColBERT", "MultiVectorEncoder"}


def read_late_layout(files: TorchFiles) -> LateLayout:
    """Read the layout.

    Raises:
        ModelLoadError: A module of another kind, or no projection.
    """
    if files.architecture == STANFORD:
        return _stanford(files.json("artifact.metadata"))
    return _modules(files)


def _stanford(metadata: Mapping[str, Any]) -> LateLayout:
    length = int(metadata.get("query_maxlen") or 32)
    return LateLayout(
        encoder="",
        dense=(),
        query_prefix=str(metadata.get("query_token_id") or "[unused0]"),
        document_prefix=str(metadata.get("doc_token_id") or "[unused1]"),
        query_length=length,
        document_length=metadata.get("doc_maxlen"),
        expanded_length=length,
        attends=bool(metadata.get("attend_to_mask_tokens")),
        expansion_token=None,
        skipped=_PUNCTUATION if metadata.get("mask_punctuation", True) else (),
    )


def _modules(files: TorchFiles) -> LateLayout:
    kinds = [str(one.get("type", "")).rpartition(".")[2] for one in files.modules]
    folders = [str(one.get("path", "")) for one in files.modules]
    known = {"Dense", "MultiVectorMask", "Normalize"}
    if kinds[:1] != ["Transformer"] or "Dense" not in kinds or not known.issuperset(kinds[1:]):
        raise ModelLoadError(
            f"modules.json lists {', '.join(kinds) or 'nothing'}, which is no late-interaction model: a Transformer, then "
            "Dense."
        )
    stated = files.json("config_sentence_transformers.json")
    own = files.json(f"{folders[0]}/sentence_bert_config.json".lstrip("/"))
    pylate = stated.get("model_type") == "ColBERT"
    query_length, document_length, (expanded, attends, token) = (
        _pylate_lengths(stated) if pylate else _own_lengths(own)
    )
    skipped = (
        stated.get("skiplist_words", list(_PUNCTUATION)) if pylate else _mask_words(files, kinds, folders)
    )
    return LateLayout(
        encoder=folders[0],
        dense=tuple(folder for folder, kind in zip(folders, kinds, strict=True) if kind == "Dense"),
        query_prefix=_prefix(stated, "query", "[Q] " if pylate else ""),
        document_prefix=_prefix(stated, "document", "[D] " if pylate else ""),
        query_length=query_length,
        document_length=document_length,
        expanded_length=expanded,
        attends=attends,
        expansion_token=token,
        skipped=tuple(skipped or ()),
    )


def _prefix(stated: Mapping[str, Any], role: str, default: str) -> str:
    """Return marker and prompt of a query or document, the marker once where both say it."""
    prefix = str(stated.get(f"{role}_prefix", default) or "")
    return prefix + str((stated.get("prompts") or {}).get(role) or "").removeprefix(prefix)


_Lengths = tuple[int | None, int | None, tuple[int | None, bool, str | None]]


def _pylate_lengths(stated: Mapping[str, Any]) -> _Lengths:
    length = int(stated.get("query_length") or 32)
    expands = stated.get("do_query_expansion") is not False
    return (
        length,
        int(stated.get("document_length") or 180),
        (length if expands else None, expands and bool(stated.get("attend_to_expansion_tokens")), None),
    )


def _own_lengths(own: Mapping[str, Any]) -> _Lengths:
    expansion = own.get("query_expansion") or {}
    if expansion and expansion.get("strategy") != "fixed":
        raise ModelLoadError(
            f"The query expansion {expansion.get('strategy')!r} is not supported, only 'fixed' is."
        )
    length = expansion.get("length")
    return (
        length or own.get("query_length"),
        own.get("document_length"),
        (length, bool(expansion.get("attend")), expansion.get("token")),
    )


def _mask_words(files: TorchFiles, kinds: list[str], folders: list[str]) -> list[str]:
    masks = [folder for folder, kind in zip(folders, kinds, strict=True) if kind == "MultiVectorMask"]
    return files.json(f"{masks[0]}/config.json").get("skiplist_words") or [] if masks else []


@dataclass(frozen=True, slots=True)
class LateQuery:
    """A tokenized query.

    Attributes:
        ids: Shape (tokens,); the expansion included.
        attended: 1 where the model looks; shape (tokens,). All tokens count in the score.
        truncated: Whether the query was cut.
    """

    ids: Ids
    attended: Ids
    truncated: bool


class LateTokenizer:
    """Makes rows: start token, marker, text, end token; and says which tokens of a document count.

    Args:
        tokenizer: It must not cut or fill up.
        layout: Markers and lengths.
        max_length: Tokens of a document.
        mask_token: The tokenizer's mask token.

    Raises:
        ModelLoadError: The vocabulary lacks the token that fills queries.
    """

    def __init__(
        self, tokenizer: Tokenizer, layout: LateLayout, *, max_length: int, mask_token: str | None
    ) -> None:
        self._tokenizer = tokenizer
        self._layout = layout
        encoding = tokenizer.encode("a")
        text = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
        self._before, self._after = encoding.ids[: text[0]], encoding.ids[text[-1] + 1 :]
        self._query_marker, self._query_lead = self._marker(layout.query_prefix)
        self._document_marker, self._document_lead = self._marker(layout.document_prefix)
        self._query_length = min(layout.query_length or max_length, max_length)
        self._room = max_length - len(self._before) - len(self._document_marker) - len(self._after)
        fill = tokenizer.token_to_id(layout.expansion_token or mask_token or "")
        self._fill = 0 if fill is None else fill
        if layout.expanded_length is not None and fill is None:
            raise ModelLoadError(
                "The tokenizer has no mask token, with which this model fills up its queries."
            )
        unknown = getattr(tokenizer.model, "unk_token", None)
        found = (tokenizer.token_to_id(word) for word in layout.skipped if word != unknown)
        self._skipped = np.array([number for number in found if number is not None], dtype=np.int64)

    def _marker(self, prefix: str) -> tuple[list[int], str]:
        """Return the ids of a marker token at the beginning of `prefix`, and the text after it."""
        first = prefix.split(None, 1)[0] if prefix.split() else ""
        for token in (prefix, f"{first} ", first):
            number = self._tokenizer.token_to_id(token) if token.strip() else None
            if number is not None and prefix.startswith(token.rstrip()):
                return [number], prefix[len(token) :].lstrip() if prefix != token else ""
        return [], prefix

    def query(self, text: str) -> LateQuery:
        """Tokenize a query, cut it, and fill it up where the model does so."""
        ids = text_ids(self._tokenizer, self._query_lead + text)
        around = len(self._before) + len(self._query_marker) + len(self._after)
        room = max(1, self._query_length - around)
        row = [*self._before, *self._query_marker, *ids[:room], *self._after]
        missing = max(0, (self._layout.expanded_length or 0) - len(row))
        attended = [1] * len(row) + [int(self._layout.attends)] * missing
        row += [self._fill] * missing
        return LateQuery(
            np.array(row, dtype=np.int64), np.array(attended, dtype=np.int64), truncated=len(ids) > room
        )

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents in one parallel call, each cut to the room."""
        return cut_documents(self._tokenizer, [self._document_lead + text for text in texts], self._room)

    def row(self, document: DocumentTokens) -> Ids:
        """Return the ids of a document as the model reads them."""
        return np.array([*self._before, *self._document_marker, *document.ids, *self._after], dtype=np.int64)

    def counted(self, row: Ids) -> Ids:
        """Return 1 for each token of a document that is compared, and 0 for punctuation."""
        return (~np.isin(row, self._skipped)).astype(np.int64)

    def length(self, document: DocumentTokens) -> int:
        """Return the tokens of a document's row."""
        return len(self._before) + len(self._document_marker) + len(document.ids) + len(self._after)
