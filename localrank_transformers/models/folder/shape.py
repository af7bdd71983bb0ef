"""Cross-encoders: one pair in, one or two logits out. What their configuration files say of window and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.models.folder.exported import ExportedFamily, ExportedGraph
from localrank_transformers.models.folder.late_layout import LateLayout
from localrank_transformers.models.folder.stated.pairs import label_names
from localrank_transformers.models.folder.stated.settings import Settings

__all__ = [
    "CrossEncoderShape",
    "check_served",
    "declared_activation",
    "longest_window",
    "pad_id",
    "positions",
    "read_shape",
    "window",
]

AFFORDABLE_LENGTH = 1024
"""The default window of a model that could read more: cost and memory of one document grow with the square."""

_UNBOUNDED = 1_000_000
"""`model_max_length` above this is the placeholder of a tokenizer that states none."""

_OFFSET_TYPES = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet", "longformer"})
"""Model types whose first position is `pad_token_id + 1`, so two positions are not for tokens."""

_SHORTEST = 8
"""A window that holds less than this holds no pair."""

_OTHER_HEADS = ("ForCausalLM", "ForConditionalGeneration", "ForMaskedLM", "ForTokenClassification")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CrossEncoderShape:
    """What the files say of a cross-encoder.

    Attributes:
        labels: 1 or 2.
        max_length: Tokens of a pair that its weights can read.
        pad_id: What fills a row of a padded group.
    """

    labels: int
    max_length: int
    pad_id: int


def read_shape(
    config: Mapping[str, Any], tokenizer_config: Mapping[str, Any], *stated: int | None
) -> CrossEncoderShape:
    """Read the shape from `config.json` and `tokenizer_config.json`.

    Args:
        config: The one.
        tokenizer_config: The other.
        stated: Windows that other files state.

    Raises:
        ModelLoadError: The architecture is not a cross-encoder, or its head has more than two labels.
    """
    config = _typed(config)
    architecture = _architecture(config)
    if architecture.endswith(_OTHER_HEADS):
        raise ModelLoadError(
            f"{architecture} is no sequence-classification model, so OnnxReranker cannot score with it."
        )
    labels = len(label_names(config)) or config.count("num_labels", least=1) or 1
    if labels > 2:
        raise ModelLoadError(
            f"The model has {labels} labels; a reranker has one, or two with the positive last.",
            hint="A classifier or an NLI model cannot rank.",
        )
    return CrossEncoderShape(labels, longest_window(config, tokenizer_config, *stated), pad_id(config))


def longest_window(
    config: Mapping[str, Any], tokenizer_config: Mapping[str, Any], *stated: int | None
) -> int:
    """Return the tokens that positions, tokenizer and `stated` windows allow; 1,024 where none states a limit."""
    told = _typed(tokenizer_config, "tokenizer_config.json")
    limits = [told.number("model_max_length") or told.number("max_len"), positions(config), *stated]
    longest = min(limit or _UNBOUNDED for limit in limits)
    if longest < _SHORTEST:
        raise ModelLoadError(
            f"The model reads at most {longest:g} tokens, too few for a query and a document.",
            hint="So say model_max_length in tokenizer_config.json, max_position_embeddings in config.json, max_seq_length in "
            "sentence_bert_config.json, or the shape of the graph.",
        )
    return AFFORDABLE_LENGTH if longest >= _UNBOUNDED else int(longest)


def pad_id(config: Mapping[str, Any]) -> int:
    """Return the id that fills up a row."""
    return _typed(config).count("pad_token_id") or 0


def positions(config: Mapping[str, Any]) -> int | None:
    """Return the tokens that have a position, or None where the configuration names no number of positions."""
    config = _typed(config)
    if config.get("max_position_embeddings") == -1:  # what XLNet's kind writes for no limit
        return None
    stated = config.count("max_position_embeddings")
    return stated - (2 if config.text("model_type") in _OFFSET_TYPES else 0) if stated else None


def window(longest: int, asked: int | None, affordable: int | None) -> int:
    """Return the tokens of a pair that are used.

    Args:
        longest: What the weights can read.
        asked: The user's `max_length`.
        affordable: The catalogue's default; without one, 1,024.

    Raises:
        InvalidRequestError: `asked` is beyond the weights, or too short for a pair.
    """
    if asked is None:
        return min(longest, affordable or AFFORDABLE_LENGTH)
    if not 16 <= asked <= longest:
        raise InvalidRequestError(
            f"max_length is {asked}; this model reads 16 to {longest} tokens.",
            hint="Leave it out for the model's own default.",
        )
    return asked


def declared_activation(config: Mapping[str, Any], modular_config: Mapping[str, Any]) -> str | None:
    """Return the name of the declared activation, such as `Identity`, or None where none is.

    Args:
        config: `config.json`: `sentence_transformers.activation_fn`, or the key of sentence-transformers before 4.0.
        modular_config: `config_sentence_transformers.json`, empty where there is none.
    """
    group = config.get("sentence_transformers")
    found = (
        (group.get("activation_fn") if isinstance(group, Mapping) else None)
        or config.get("sbert_ce_default_activation_function")
        or modular_config.get("activation_fn")
    )
    return str(found).rpartition(".")[2] if found else None


def _architecture(config: Settings) -> str:
    return (config.texts("architectures") or ("unknown",))[0]


def _typed(values: Mapping[str, Any], file: str = "config.json") -> Settings:
    return values if isinstance(values, Settings) else Settings(values, file=file)


_OTHERS = {
    "ForCausalLM": "a causal language model, and nothing says that its graph scores documents",
    "ForConditionalGeneration": "a sequence-to-sequence model",
    "RankT5": "a sequence-to-sequence model",
}


def check_served(
    config: Mapping[str, Any], exported: ExportedGraph | None, late: LateLayout | None
) -> ExportedFamily:
    """Return the family by which a graph is served.

    Args:
        config: `config.json`.
        exported: What the folder says of its graph.
        late: The layout of a late-interaction model, None for another.

    Raises:
        ModelLoadError: It is of a family that ONNX Runtime does not serve.
    """
    if late is not None:
        return "late-interaction"
    if exported is not None:
        return exported.family
    architecture = _architecture(_typed(config))
    for ending, what in _OTHERS.items():
        if architecture.endswith(ending):
            raise ModelLoadError(
                f"{architecture} is {what}, so OnnxReranker cannot score with it.",
                hint="Use TorchReranker; a causal yes/no reranker also runs here, from the folder that "
                "`localrank models export` writes.",
            )
    read_shape(config, {})
    return "cross-encoder"
