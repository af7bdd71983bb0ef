"""The weights that training starts from, as one folder in float32 without dropout: late interaction or a cross-encoder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import transformers

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.engines.torch.weights import quiet
from localrank_transformers.models import bundled
from localrank_transformers.models.folder.card import language_line
from localrank_transformers.models.folder.model_files import TOKENIZER_FILES
from localrank_transformers.models.location import fetch_torch, locate
from localrank_transformers.optimizing.from_bundled import write_float32
from localrank_transformers.rerankers.languages import languages_of
from localrank_transformers.training.model.late_folder import is_late_folder, read_head, write_layout
from localrank_transformers.training.model.late_pairs import LateScorer, load_encoder
from localrank_transformers.training.model.student import shrink
from localrank_transformers.training.request import StudentShape

__all__ = ["write_start"]

_DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "embedding_dropout",
    "attention_dropout",
    "mlp_dropout",
)


def write_start(base: str, folder: Path, *, shape: StudentShape, seed: int) -> None:
    """Write the start weights of `base` to `folder`.

    A late-interaction model without a projection stays one. Of every other base a cross-encoder is made: one without a head (an
    encoder, a bi-encoder) gets a new one, drawn by `seed`. Dropout is off: on a CPU it costs half of the time of a step, and
    runs of a few passes do not gain by it. A card beside them states the languages that the base reads.

    Args:
        base: An embedded model's name, a folder, an alias or a hub id.
        folder: Made anew.
        shape: What to make of it.
        seed: Of a new head's weights.

    Raises:
        InvalidRequestError: The base lies in `folder`.
        ModelLoadError: There are no float32 weights, or the head has several labels.
        UnknownModelError: There is no such model.
    """
    location = locate(base)
    if location.folder is not None and location.folder.resolve().is_relative_to(folder.resolve()):
        raise InvalidRequestError(
            f"The base {base!r} lies in {str(folder)!r}, which is made anew.",
            hint="Train into another folder.",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if location.folder is None and location.hub is None:
        write_float32(location.model_id, folder)
        write_layout(folder)
        source = folder
    else:
        source = fetch_torch(location) or folder
    if not (source / "model.safetensors").is_file() and not list(source.glob("*.safetensors")):
        raise ModelLoadError(
            f"The base {base!r} has no model.safetensors, so it cannot be trained on.",
            hint=f"Take a folder with float32 weights, a hub id, or an embedded model: {', '.join(bundled.LANGUAGES)}.",
        )
    with quiet():
        if is_late_folder(source):
            encoder = shrink(load_encoder(source, _config(source)), shape)
            LateScorer(encoder, read_head(source)).save_pretrained(folder)
            write_layout(folder)
        else:
            shrink(_classifier(source, seed), shape).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        if (source / name).is_file() and source != folder:
            shutil.copyfile(source / name, folder / name)
    (folder / "README.md").write_text(f"---\n{language_line(languages_of(location))}---\n", encoding="utf-8")


def _config(source: Path) -> Any:
    try:
        config = transformers.AutoConfig.from_pretrained(
            source, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ModelLoadError(
            f"transformers cannot read the configuration in {str(source)!r}: {first_line(error, 300)}"
        ) from error
    for name in _DROPOUTS:
        if getattr(config, name, None) is not None:
            setattr(config, name, 0.0)
    return config


def _classifier(source: Path, seed: int) -> Any:
    config = _config(source)
    if (
        config.architectures
        and config.architectures[0].endswith("SequenceClassification")
        and config.num_labels != 1
    ):
        raise ModelLoadError(
            f"The base has {config.num_labels} labels; a reranker is trained with one.",
            hint="Take a reranker with one label, or an encoder without a head.",
        )
    config.num_labels = 1
    config.id2label, config.label2id = {0: "RELEVANCE"}, {"RELEVANCE": 0}
    transformers.set_seed(seed)
    try:
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            source,
            config=config,
            dtype="float32",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except Exception as error:
        raise ModelLoadError(
            f"transformers cannot load {str(source)!r} as a classifier: {first_line(error, 300)}"
        ) from error
