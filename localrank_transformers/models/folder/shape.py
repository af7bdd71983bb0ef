"""Cross-encoders: one pair in, one or two logits out. What their configuration files say of window and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.models.folder.exported import ExportedFamily, ExportedGraph
from localrank_transformers.models.folder.late_layout import LateLayout

__all__ = [
    "CrossEncoderShape",
    "check_served",
    "declared_activation",
    "longest_window",
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

_OTHER_HEADS = ("ForCausalLM", "ForConditionalGeneration", "ForMaskedLM", "ForTokenClassification")


@dataclass(frozen=True, slots=True)
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


def read_shape(config: Mapping[str, Any], tokenizer_config: Mapping[str, Any]) -> CrossEncoderShape:
    """Read the shape from `config.json` and `tokenizer_config.json`.

    Raises:
        ModelLoadError: The architecture is not a cross-encoder, or its head has more than two labels.
    """
    architecture = str((config.get("architectures") or ["unknown"])[0])
    if architecture.endswith(_OTHER_HEADS):
        raise ModelLoadError(
            f"{architecture} is no sequence-classification model, so OnnxReranker cannot score with it."
        )
    labels = len(config.get("id2label") or {}) or int(config.get("num_labels") or 1)
    if labels > 2:
        raise ModelLoadError(
            f"The model has {labels} labels; a reranker has one, or two with the positive last.",
            hint="A classifier or an NLI model cannot rank.",
        )
    return CrossEncoderShape(
        labels, longest_window(config, tokenizer_config), int(config.get("pad_token_id") or 0)
    )


def longest_window(config: Mapping[str, Any], tokenizer_config: Mapping[str, Any]) -> int:
    """Return the tokens that positions and tokenizer allow; 1,024 where neither states a limit."""
    limits = [float(tokenizer_config.get("model_max_length") or _UNBOUNDED), positions(config) or _UNBOUNDED]
    longest = min(limits)
    return AFFORDABLE_LENGTH if longest >= _UNBOUNDED else int(longest)


def positions(config: Mapping[str, Any]) -> int | None:
    """Return the tokens that have a position, or None where the configuration names no number of positions."""
    stated = config.get("max_position_embeddings")
    if not isinstance(stated, int) or stated <= 0:
        return None
    return stated - (2 if config.get("model_type") in _OFFSET_TYPES else 0)


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
    architecture = str((config.get("architectures") or ["unknown"])[0])
    for ending, what in _OTHERS.items():
        if architecture.endswith(ending):
            raise ModelLoadError(
                f"{architecture} is {what}, so OnnxReranker cannot score with it.",
                hint="Use TorchReranker; a causal yes/no reranker also runs here, from the folder that "
                "`localrank models export` writes.",
            )
    read_shape(config, {})
    return "cross-encoder"
