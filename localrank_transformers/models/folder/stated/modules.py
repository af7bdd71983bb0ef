"""Cross-encoders stored as sentence-transformers modules: encoder, pooling, and a head of dense and norm layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from localrank.contract.errors import ModelLoadError

if TYPE_CHECKING:
    from localrank_transformers.models.folder.stated.settings import Settings, StatedFiles

__all__ = ["HeadLayer", "ModularLayout", "read_layout"]

_ACTIVATIONS = {
    "torch.nn.modules.activation.GELU": "GELU",
    "torch.nn.modules.activation.ReLU": "ReLU",
    "torch.nn.modules.activation.SiLU": "SiLU",
    "torch.nn.modules.activation.Tanh": "Tanh",
    "torch.nn.modules.linear.Identity": "Identity",
}
_POOLINGS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}


@dataclass(frozen=True, slots=True)
class HeadLayer:
    """One layer between the pooled text and the score.

    Attributes:
        kind: A dense layer with its activation, or a layer norm.
        folder: Where its `model.safetensors` lies, within the model's folder.
        inputs: Width of what it reads.
        outputs: Width of what it gives.
        bias: Whether a dense layer has a bias.
        activation: A class of `torch.nn`, for a dense layer.
    """

    kind: Literal["dense", "norm"]
    folder: str
    inputs: int
    outputs: int
    bias: bool = True
    activation: str = "Identity"


@dataclass(frozen=True, slots=True)
class ModularLayout:
    """What `modules.json` and the folders beside it say.

    Attributes:
        encoder: The encoder's folder within the model's folder; empty for that folder itself.
        pooling: The first token's vector, or the mean over the tokens.
        head: The layers after it, in order.
    """

    encoder: str
    pooling: Literal["cls", "mean"]
    head: tuple[HeadLayer, ...]


def read_layout(files: StatedFiles) -> ModularLayout:
    """Read the layout of a modular cross-encoder.

    Raises:
        ModelLoadError: A module of another kind, or a head that does not end in one number without an activation.
    """
    encoder, pooling, *rest = (one.text("path") or "" for one in files.modules)
    types = [(one.text("type") or "").rpartition(".")[2] for one in files.modules[2:]]
    head = tuple(_layers(files, types, rest))
    if not head or head[-1].outputs != 1 or head[-1].activation != "Identity":
        raise ModelLoadError(
            "The last module does not give one number without an activation, so it is no reranker's head."
        )
    return ModularLayout(encoder, _pooling(files, pooling), head)


def _layers(files: StatedFiles, types: list[str], folders: list[str]) -> Iterator[HeadLayer]:
    for kind, folder in zip(types, folders, strict=True):
        config = files.json(f"{folder}/config.json")
        if kind == "Dense":
            yield _dense(config, folder)
        elif kind == "LayerNorm":
            width = _stated(config, "dimension")
            yield HeadLayer("norm", folder, width, width)
        elif kind != "Dropout":
            raise ModelLoadError(f"The module {kind!r} in modules.json is none that a reranker's head has.")


def _dense(config: Settings, folder: str) -> HeadLayer:
    name = config.text("activation_function") or "torch.nn.modules.activation.Tanh"
    if name not in _ACTIVATIONS:
        raise config.wrong("activation_function", f"one of {', '.join(_ACTIVATIONS)}")
    return HeadLayer(
        "dense",
        folder,
        _stated(config, "in_features"),
        _stated(config, "out_features"),
        config.flag("bias", default=True),
        _ACTIVATIONS[name],
    )


def _pooling(files: StatedFiles, folder: str) -> Literal["cls", "mean"]:
    config = files.json(f"{folder}/config.json")
    modes = [mode for key, mode in _POOLINGS.items() if config.flag(key)]
    modes = modes or [str(config.get("pooling_mode"))]
    if modes == ["cls"]:
        return "cls"
    if modes == ["mean"]:
        return "mean"
    raise ModelLoadError(f"The pooling of the model is {modes!r}; a reranker's is cls or mean.")


def _stated(config: Settings, key: str) -> int:
    value = config.count(key, least=1)
    if value is None:
        raise config.wrong(key, "the size of a layer")
    return value
