"""What computes on this machine, told without importing it: scores of other engines and processors differ a little."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from localrank_transformers.engines.native.library import INTERFACE, absence
from localrank_transformers.models.cpu_features import cpu_features

__all__ = ["onnx_engine", "torch_engine"]

_ON_CPU = ("CPUExecutionProvider",)
_ONNX_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
_NVIDIA = Path("/proc/driver/nvidia/gpus")
_VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def onnx_engine(execution_providers: Sequence[str] | None, *, graph_is_ours: bool) -> str:
    """Return what runs an ONNX graph here: the compiled kernels or ONNX Runtime, with versions and instruction set.

    Args:
        execution_providers: As `OnnxReranker` takes them.
        graph_is_ours: Whether the kernels compute the graph where they can run at all. Of any other graph only the file tells,
            so both are named.
    """
    providers = tuple(execution_providers or _ON_CPU)
    where = _processor() if providers == _ON_CPU else f"{_processor()}:{_accelerators()}"
    runtime = f"onnxruntime-{_installed(_ONNX_RUNTIMES)}[{','.join(providers)}]"
    kernels = f"kernels-{INTERFACE}"
    if execution_providers is not None or absence() is not None:
        return f"{runtime}@{where}"
    return f"{kernels}@{where}" if graph_is_ours else f"{kernels}|{runtime}@{where}"


def torch_engine(device: str) -> str:
    """Return what runs a torch model here: versions, instruction set, and where it may be one, the accelerator.

    Args:
        device: As `TorchReranker` takes it; `auto` may mean an accelerator.
    """
    where = _processor() if device == "cpu" else f"{_processor()}:{_accelerators()}"
    return f"torch-{_installed(('torch',))}+transformers-{_installed(('transformers',))}@{where}"


@cache
def _processor() -> str:
    return f"{platform.machine()}:{'+'.join(cpu_features() or ())}"


def _accelerators() -> str:
    """Return the names of the accelerators as the system tells them, and which of them this process may see."""
    visible = ",".join(f"{name}={os.environ[name]}" for name in _VISIBLE if name in os.environ)
    return ";".join(part for part in (_graphics_processors(), visible) if part)


@cache
def _graphics_processors() -> str:
    try:
        told = [place.read_text(errors="replace") for place in sorted(_NVIDIA.glob("*/information"))]
    except OSError:
        told = []
    models = [
        line.partition(":")[2].strip()
        for text in told
        for line in text.splitlines()
        if line.startswith("Model")
    ]
    if models:
        return ",".join(models)
    nodes = {"/dev/nvidiactl": "nvidia", "/dev/kfd": "amd"}
    return ",".join(name for node, name in nodes.items() if Path(node).exists())


@cache
def _installed(distributions: tuple[str, ...]) -> str:
    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "none"
