"""What the files of a late-interaction model (ColBERT) say: markers, lengths and masks, in three layouts.

They are Stanford's (`HF_ColBERT` and `artifact.metadata`: ColBERT v2, answerai-colbert), PyLate's (`modules.json` and
`config_sentence_transformers.json`: GTE-ModernColBERT) and that of sentence-transformers' MultiVectorEncoder. A folder with
none of these, whose `localrank.json` names the family, has the plain one.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.exported import EXPORTED_FILE

if TYPE_CHECKING:
    from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["LateLayout", "is_late_interaction", "late_file_names", "plain_layout", "read_late_layout"]

STANFORD = "HF_ColBERT"
_OF_ENCODER = "sentence_bert_config.json"
_PUNCTUATION = tuple(string.punctuation)


@dataclass(frozen=True, slots=True)
class LateLayout:
    """What the files of a late-interaction model say; as it stands, nothing is projected, marked, filled up or skipped.

    Attributes:
        encoder: The encoder's folder within the model's folder; empty for that folder itself.
        dense: The folders of the projections, in order; an empty name where the projection lies beside the encoder's weights,
            and none where the encoder's own vectors are compared.
        query_prefix: Text or marker token that a query begins with.
        document_prefix: The same for a document.
        query_length: Tokens of a query, special tokens included, beyond which it is cut; None for no limit of its own.
        document_length: The same for documents.
        expanded_length: Length up to which a query is filled with mask tokens that count as its own; None for none.
        attends: Whether the other tokens see them.
        expansion_token: What fills; None for the tokenizer's mask token.
        skipped: Tokens of a document that are read but not compared.
        width: Numbers of a token's vector, where the files state them.
    """

    encoder: str = ""
    dense: tuple[str, ...] = ()
    query_prefix: str = ""
    document_prefix: str = ""
    query_length: int | None = None
    document_length: int | None = None
    expanded_length: int | None = None
    attends: bool = False
    expansion_token: str | None = None
    skipped: tuple[str, ...] = ()
    width: int | None = None


def is_late_interaction(files: SettingsFiles) -> bool:
    """Return whether the files prove a late-interaction model."""
    stated = files.json("config_sentence_transformers.json").get("model_type")
    return (
        files.architecture == STANFORD
        or stated in {"ColBERT", "MultiVectorEncoder"}
        or files.json(EXPORTED_FILE).get("family") == "late-interaction"
    )


def late_file_names(modules: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the small files that tell a layout, besides the configuration and the tokenizer.

    Args:
        modules: The content of `modules.json`, empty where there is none.
    """
    folders = [folder for one in modules if (folder := str(one.get("path") or ""))]
    beside = [f"{folder}/{name}" for folder in folders for name in ("config.json", _OF_ENCODER)]
    return ("artifact.metadata", "modules.json", "config_sentence_transformers.json", _OF_ENCODER, *beside)


def read_late_layout(files: SettingsFiles) -> LateLayout:
    """Read the layout.

    Raises:
        ModelLoadError: A module of another kind.
    """
    if files.architecture == STANFORD:
        return _stanford(files.json("artifact.metadata"))
    if not files.modules and not files.json("config_sentence_transformers.json"):
        return plain_layout(files.config)
    return _modules(files)


def plain_layout(config: Mapping[str, Any]) -> LateLayout:
    """Return the layout of an encoder whose own vectors are compared, all of them.

    Args:
        config: `config.json` of the encoder.
    """
    return LateLayout(width=_count(config.get("hidden_size")))


def _stanford(metadata: Mapping[str, Any]) -> LateLayout:
    length = int(metadata.get("query_maxlen") or 32)
    return LateLayout(
        dense=("",),
        query_prefix=str(metadata.get("query_token_id") or "[unused0]"),
        document_prefix=str(metadata.get("doc_token_id") or "[unused1]"),
        query_length=length,
        document_length=metadata.get("doc_maxlen"),
        expanded_length=length,
        attends=bool(metadata.get("attend_to_mask_tokens")),
        skipped=_PUNCTUATION if metadata.get("mask_punctuation", True) else (),
        width=_count(metadata.get("dim")),
    )


def _modules(files: SettingsFiles) -> LateLayout:
    kinds = [str(one.get("type", "")).rpartition(".")[2] for one in files.modules]
    folders = [str(one.get("path", "")) for one in files.modules]
    known = {"Dense", "MultiVectorMask", "Normalize"}
    if kinds[:1] != ["Transformer"] or not known.issuperset(kinds[1:]):
        raise ModelLoadError(
            f"modules.json lists {', '.join(kinds) or 'nothing'}, which is no late-interaction model: a Transformer, then at "
            f"most {', '.join(sorted(known))}."
        )
    stated = files.json("config_sentence_transformers.json")
    own = files.json(f"{folders[0]}/{_OF_ENCODER}".lstrip("/"))
    pylate = stated.get("model_type") == "ColBERT"
    query_length, document_length, (expanded, attends, token) = (
        _pylate_lengths(stated) if pylate else _own_lengths(own)
    )
    skipped = (
        stated.get("skiplist_words", list(_PUNCTUATION)) if pylate else _mask_words(files, kinds, folders)
    )
    dense = tuple(folder for folder, kind in zip(folders, kinds, strict=True) if kind == "Dense")
    return LateLayout(
        encoder=folders[0],
        dense=dense,
        query_prefix=_prefix(stated, "query", "[Q] " if pylate else ""),
        document_prefix=_prefix(stated, "document", "[D] " if pylate else ""),
        query_length=query_length,
        document_length=document_length,
        expanded_length=expanded,
        attends=attends,
        expansion_token=token,
        skipped=tuple(skipped or ()),
        width=_width(files, folders[0], dense),
    )


def _width(files: SettingsFiles, encoder: str, dense: tuple[str, ...]) -> int | None:
    if dense:
        return _count(files.json(f"{dense[-1]}/config.json").get("out_features"))
    return _count(files.json(f"{encoder}/config.json".lstrip("/")).get("hidden_size"))


def _count(stated: object) -> int | None:
    return stated if isinstance(stated, int) else None


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


def _mask_words(files: SettingsFiles, kinds: list[str], folders: list[str]) -> list[str]:
    masks = [folder for folder, kind in zip(folders, kinds, strict=True) if kind == "MultiVectorMask"]
    return files.json(f"{masks[0]}/config.json").get("skiplist_words") or [] if masks else []
