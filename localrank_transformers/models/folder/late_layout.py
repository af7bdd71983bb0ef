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
    from localrank_transformers.models.folder.stated.settings import Settings

__all__ = ["LateLayout", "is_late_interaction", "late_file_names", "plain_layout", "read_late_layout"]

STANFORD = "HF_ColBERT"
_OF_ENCODER = "sentence_bert_config.json"
_STATED = "config_sentence_transformers.json"
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
    stated = files.json(_STATED).text("model_type")
    return (
        files.architecture == STANFORD
        or stated in {"ColBERT", "MultiVectorEncoder"}
        or files.json(EXPORTED_FILE).text("family") == "late-interaction"
    )


def late_file_names(modules: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the small files that tell a layout, besides the configuration and the tokenizer.

    Args:
        modules: The content of `modules.json`, empty where there is none.
    """
    folders = [folder for one in modules if isinstance(folder := one.get("path"), str) and folder]
    beside = [f"{folder}/{name}" for folder in folders for name in ("config.json", _OF_ENCODER)]
    return ("artifact.metadata", "modules.json", _STATED, _OF_ENCODER, *beside)


def read_late_layout(files: SettingsFiles) -> LateLayout:
    """Read the layout.

    Raises:
        ModelLoadError: A module of another kind, or texts that are cut at their beginning.
    """
    if files.pairs.cut_left:
        raise files.tokenizer_config.wrong(
            "truncation_side", '"right": late interaction with another is not supported'
        )
    if files.architecture == STANFORD:
        return _stanford(files.json("artifact.metadata"))
    if not files.modules and not files.json(_STATED):
        return plain_layout(files.config)
    return _modules(files)


def plain_layout(config: Settings) -> LateLayout:
    """Return the layout of an encoder whose own vectors are compared, all of them.

    Args:
        config: `config.json` of the encoder.
    """
    return LateLayout(width=config.count("hidden_size", least=1))


def _stanford(metadata: Settings) -> LateLayout:
    length = metadata.count("query_maxlen", least=1) or 32
    return LateLayout(
        dense=("",),
        query_prefix=metadata.text("query_token_id") or "[unused0]",
        document_prefix=metadata.text("doc_token_id") or "[unused1]",
        query_length=length,
        document_length=metadata.count("doc_maxlen", least=1),
        expanded_length=length,
        attends=metadata.flag("attend_to_mask_tokens"),
        skipped=_PUNCTUATION if metadata.flag("mask_punctuation", default=True) else (),
        width=metadata.count("dim", least=1),
    )


def _modules(files: SettingsFiles) -> LateLayout:
    kinds = [(one.text("type") or "").rpartition(".")[2] for one in files.modules]
    folders = [one.text("path") or "" for one in files.modules]
    known = {"Dense", "MultiVectorMask", "Normalize"}
    if kinds[:1] != ["Transformer"] or not known.issuperset(kinds[1:]):
        raise ModelLoadError(
            f"modules.json lists {', '.join(kinds) or 'nothing'}, which is no late-interaction model: a Transformer, then at "
            f"most {', '.join(sorted(known))}."
        )
    stated = files.json(_STATED)
    own = files.json(f"{folders[0]}/{_OF_ENCODER}".lstrip("/"))
    pylate = stated.text("model_type") == "ColBERT"
    query_length, document_length, (expanded, attends, token) = (
        _pylate_lengths(stated) if pylate else _own_lengths(own)
    )
    skipped = _pylate_words(stated) if pylate else _mask_words(files, kinds, folders)
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
        skipped=skipped,
        width=_width(files, folders[0], dense),
    )


def _width(files: SettingsFiles, encoder: str, dense: tuple[str, ...]) -> int | None:
    if dense:
        return files.json(f"{dense[-1]}/config.json").count("out_features", least=1)
    return files.json(f"{encoder}/config.json".lstrip("/")).count("hidden_size", least=1)


def _prefix(stated: Settings, role: str, default: str) -> str:
    """Return marker and prompt of a query or document, the marker once where both say it."""
    marker = stated.text(f"{role}_prefix")
    prefix = marker if f"{role}_prefix" in stated else default
    return (prefix or "") + (stated.group("prompts").text(role) or "").removeprefix(prefix or "")


_Lengths = tuple[int | None, int | None, tuple[int | None, bool, str | None]]


def _pylate_lengths(stated: Settings) -> _Lengths:
    length = stated.count("query_length", least=1) or 32
    expands = stated.flag("do_query_expansion", default=True)
    return (
        length,
        stated.count("document_length", least=1) or 180,
        (length if expands else None, expands and stated.flag("attend_to_expansion_tokens"), None),
    )


def _pylate_words(stated: Settings) -> tuple[str, ...]:
    return (stated.texts("skiplist_words") or ()) if "skiplist_words" in stated else _PUNCTUATION


def _own_lengths(own: Settings) -> _Lengths:
    expansion = own.group("query_expansion")
    if expansion and expansion.text("strategy") != "fixed":
        raise ModelLoadError(
            f"The query expansion {expansion.text('strategy')!r} is not supported, only 'fixed' is."
        )
    length = expansion.count("length", least=1)
    return (
        length or own.count("query_length", least=1),
        own.count("document_length", least=1),
        (length, expansion.flag("attend"), expansion.text("token")),
    )


def _mask_words(files: SettingsFiles, kinds: list[str], folders: list[str]) -> tuple[str, ...]:
    masks = [folder for folder, kind in zip(folders, kinds, strict=True) if kind == "MultiVectorMask"]
    return (files.json(f"{masks[0]}/config.json").texts("skiplist_words") or ()) if masks else ()
