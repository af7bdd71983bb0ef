"""Weights from safetensors into transformers' own classes, every one of them accounted for."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from transformers.utils import logging as transformers_logging

from localrank.contract.errors import InferenceError, ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.engines.torch.device import Placement
from localrank_transformers.engines.torch.packed_attention import PACKED, register
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.models.folder.safety.files import root_of

__all__ = ["load_weights", "quiet", "silenced"]

_HARMLESS = ("position_ids", "rotary_emb.inv_freq")
"""Buffers that are computed, not learned; older files hold them or not."""


def load_weights(
    auto_class: str,
    folder: Path,
    placement: Placement,
    settings: TorchSettings,
    *,
    config: Any = None,
    absent: tuple[str, ...] = (),
) -> Any:
    """Return the model in `folder`, made by `transformers.<auto_class>`.

    Args:
        auto_class: Name of a class with `from_pretrained`, such as `AutoModelForSequenceClassification`.
        folder: Where `config.json` and the safetensors lie.
        placement: Gives the type of the weights; moving to the device is the caller's.
        settings: Attention and whether code of the repository may run.
        config: Takes the place of `config.json`.
        absent: Beginnings of names that the files need not hold, since the family does not use them (a pooler).

    Raises:
        ModelLoadError: transformers cannot load it, or weights are missing and would be random.
        InferenceError: A weight is NaN or infinite.
    """
    options: dict[str, Any] = {} if config is None else {"config": config}
    if settings.attention == "packed":
        register()
        options["attn_implementation"] = PACKED
    elif settings.attention != "auto":
        options["attn_implementation"] = settings.attention
    try:
        with _quiet():
            model, report = getattr(transformers, auto_class).from_pretrained(
                folder,
                dtype=placement.dtype,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=settings.trust_remote_code,
                output_loading_info=True,
                **options,
            )
    except Exception as error:
        raise ModelLoadError(
            f"transformers cannot load the model in {str(folder)!r}: {first_line(error, 300)}",
            hint="A model with code of its own needs trust_remote_code=True; read that code first."
            if "trust_remote_code" in str(error)
            else "The files may be incomplete, or the installed transformers does not know the architecture.",
        ) from error
    _refuse_random(report, absent)
    _refuse_infinite(model, absent)
    if placement.device.type == "cpu" and root_of(folder.resolve()) == folder.resolve():
        _leave_the_file(model)
    return model


def _leave_the_file(model: Any) -> None:
    """Give weights memory of their own, where they are parts of a mapped file that anybody may cut short."""
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor.data = tensor.data.clone()


def _refuse_random(report: dict[str, Any], absent: tuple[str, ...]) -> None:
    wrong = [*report.get("missing_keys", ()), *(str(one[0]) for one in report.get("mismatched_keys", ()))]
    wrong = sorted(name for name in wrong if not name.endswith(_HARMLESS) and not name.startswith(absent))
    if wrong:
        raise ModelLoadError(
            f"The files lack {len(wrong)} weights of the model, such as {wrong[0]!r}; they would be random.",
            hint="This is no reranker's checkpoint, or the wrong family: say which one with family=….",
        )


def _refuse_infinite(model: Any, absent: tuple[str, ...]) -> None:
    """Refuse weights of which tanh or a softmax would make a finite score, the same for every document."""
    for name, weight in model.named_parameters():
        if not name.startswith(absent) and not bool(weight.isfinite().all()):
            raise InferenceError(
                f"The weight {name!r} is not finite: with NaN or infinity in it no score would mean anything.",
                hint="The file is damaged, or the training diverged: take another checkpoint.",
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' progress bar and load report off the terminal, and leave its settings as they were."""
    shown, level = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if shown:
            transformers_logging.enable_progress_bar()


@contextmanager
def silenced(*loggers: str) -> Iterator[None]:
    """Show no warning, and of the named loggers errors alone; put everything back afterwards."""
    held = [logging.getLogger(name) for name in loggers]
    levels = [logger.level for logger in held]
    for logger in held:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(held, levels, strict=True):
            logger.setLevel(level)


_LOGGERS = ("sentence_transformers", "accelerate", "datasets", "transformers")


@contextmanager
def quiet() -> Iterator[None]:
    """Let errors through, and put everything back afterwards."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        with silenced(*_LOGGERS):
            yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
