"""Train a reranker on your own data (extra `train`): one call, from files to a folder that every reranker here loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localrank.providers.extras import require
from localrank_transformers.engines.torch.settings import WITHOUT_CUDA
from localrank_transformers.training.request import (
    Calibrated,
    MiningSettings,
    Progress,
    StudentShape,
    TrainRequest,
    TrainResult,
    TrainSettings,
)

__all__ = [
    "Calibrated",
    "MiningSettings",
    "Progress",
    "StudentShape",
    "TrainRequest",
    "TrainResult",
    "TrainSettings",
    "resume",
    "train",
]

_PACKAGES = (
    "torch",
    "transformers",
    "sentence_transformers",
    "accelerate",
    "datasets",
    "onnx",
    "safetensors",
)


def train(
    request: TrainRequest,
    *,
    on_step: Callable[[str], None] = lambda _step: None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> TrainResult:
    """Train a reranker and write it to `request.out`.

    The folder gets float32 safetensors, the tokenizer, `onnx/model.onnx`, `onnx/model_int8.onnx` and a model card;
    `TorchReranker` and `OnnxReranker` load it. What a resumed run needs lies in `run` inside it until the model is written.
    Ctrl-C in the main thread saves a checkpoint after the step at hand and returns.

    Args:
        request: Data, start weights, output and settings.
        on_step: Told what is being done, for people.
        on_progress: Told after every step of training.

    Raises:
        InvalidRequestError: Data or settings that cannot be used; or `out` holds a run already.
        MissingDependencyError: The extra `train` is not installed.
        ModelLoadError: The base has no float32 weights, or is no model that can be trained.
        UnknownModelError: There is no such base or teacher.
    """
    require("Training", "train", *_PACKAGES, remark=WITHOUT_CUDA)
    from localrank_transformers.training.beginning import begin  # noqa: PLC0415  # --help needs none of it

    prepared = begin(request, on_step)
    from localrank_transformers.training.running import start_run  # noqa: PLC0415  # torch comes with it

    return start_run(request, prepared, on_step, on_progress)


def resume(
    out: Path,
    *,
    on_step: Callable[[str], None] = lambda _step: None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> TrainResult:
    """Go on with an interrupted run from its last checkpoint, with its own data and settings.

    Args:
        out: The `out` of the run.
        on_step: Told what is being done, for people.
        on_progress: Told after every step of training.

    Raises:
        InvalidRequestError: There is no run in `out`, or it is finished.
        MissingDependencyError: The extra `train` is not installed.
    """
    require("Training", "train", *_PACKAGES, remark=WITHOUT_CUDA)
    from localrank_transformers.training.running import resume_run  # noqa: PLC0415  # torch comes with it

    return resume_run(out, on_step, on_progress)
