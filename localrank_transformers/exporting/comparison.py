"""Eight texts on torch and on an exported graph: how far the logits lie apart, and how far they may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localrank.contract.errors import InferenceError, ModelLoadError
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank_transformers.call.call import LocalCall
from localrank_transformers.call.scheduler import shared_scheduler
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.models.folder.reading import read_snapshot
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.rerankers.onnx_loading import load
from localrank_transformers.rerankers.onnx_settings import OnnxSettings
from localrank_transformers.rerankers.torch_loading import load_torch

__all__ = ["Difference", "check", "differences", "onnx_logits", "torch_logits"]

SAMPLE_QUERY = "How do plants turn sunlight into food?"
SAMPLE = (
    "Photosynthesis converts light into chemical energy that is stored in sugars.",
    "Leaves are green.",
    "",
    "The stock market fell on Tuesday after two days of gains, led by banks and insurers.",
    "Chlorophyll absorbs mostly blue and red light. " * 12,
    "光合作用把光能转化为化学能。",
    "Die Pflanze nimmt Kohlendioxid und Wasser auf und gibt Sauerstoff ab.",
    "To bake bread, mix flour, water, salt and yeast, wait, and bake. " * 40,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One text of the comparison.

    Attributes:
        text: Its beginning.
        torch: Its logit on torch, in float32.
        onnx: Its logit of the float32 graph.
        reduced: Its logit of the fp16 or int8 graph; None where none was asked for.
    """

    text: str
    torch: float
    onnx: float
    reduced: float | None = None


def torch_logits(files: SettingsFiles, settings: TorchSettings) -> list[float]:
    """Return the logits of the sample on torch."""
    loaded = load_torch(files, settings)
    return _in_order(LocalCall(lambda: (loaded, 0.0), _sample()).run())


def onnx_logits(folder: Path, graph: str) -> list[float]:
    """Return the logits of the sample by one graph of `folder`.

    Raises:
        ModelLoadError: It cannot be loaded, or computes what is no number.
    """
    files = read_snapshot(folder, graph, root=folder)
    loaded = load([files], OnnxSettings(), None, shared_scheduler(), [])
    try:
        return _in_order(LocalCall(lambda: (loaded, 0.0), _sample()).run())
    except InferenceError as error:
        raise ModelLoadError(
            f"{graph} was written, but does not run: {error}", hint="Export another precision."
        ) from error


def differences(
    torch: Sequence[float], onnx: Sequence[float], reduced: Sequence[float] | None
) -> list[Difference]:
    """Return a row for each text of the sample."""
    return [
        Difference(text[:40], torch[at], onnx[at], None if reduced is None else reduced[at])
        for at, text in enumerate(SAMPLE)
    ]


def _worst(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return the largest difference of two lists of logits."""
    return max(abs(wanted - got) for wanted, got in zip(expected, found, strict=True))


def check(graph: str, expected: Sequence[float], found: Sequence[float], *, at_most: float) -> None:
    """Refuse a graph whose logits lie too far from torch's.

    Args:
        graph: Its name.
        expected: The logits of torch.
        found: Its own.
        at_most: What they may differ by, as a part of the largest logit where that is above 1.

    Raises:
        ModelLoadError: They differ by more.
    """
    apart = _worst(expected, found)
    if apart > at_most * max(1.0, *(abs(logit) for logit in expected)):
        raise ModelLoadError(
            f"{graph} gives other logits than torch, by up to {apart:.4f}; it was removed.",
            hint="Please report the architecture; the model runs with TorchReranker.",
        )


def _sample() -> DoRerankOptions:
    return DoRerankOptions(SAMPLE_QUERY, SAMPLE)


def _in_order(result: DoRerankResult) -> list[float]:
    return [
        float((item.metadata or {})["logit"]) for item in sorted(result.results, key=lambda item: item.index)
    ]
