"""Builds, once, each form of the weights that the chosen systems want, in the environment that can build it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.environments import EnvironmentState
from benchmarks.speed.process import OFFLINE, ROOT
from benchmarks.speed.systems import EMBEDDED, Layout
from localrank_transformers.models import bundled

__all__ = ["GIVEN", "ModelShape", "Weights"]

GIVEN = "given"
"""The shape that stands for the weights of the folder itself."""

_BUILDERS: dict[Layout, tuple[str, str, Layout | None]] = {
    "torch": ("torch_layout", "torch", None),
    "onnx": ("onnx_layout", "onnx", "torch"),
    "openvino": ("openvino_layout", "openvino", "torch"),
    "own": ("own_layout", "localrank", "torch"),
}
"""Layout → the script, its environment, and the layout it starts from."""

_EMBEDDED = Path(bundled.__file__).with_name(EMBEDDED.replace("-", "_"))


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What the work of a model follows from."""

    layers: int
    hidden: int
    inner: int

    @property
    def text(self) -> str:
        """Such as `6×384`."""
        return f"{self.layers}×{self.hidden}"


class Weights:
    """One set of weights in all its forms.

    Args:
        source: A folder with `config.json`, `model.safetensors`, tokenizer files and, for localrank, `onnx/`.
        shape: `given`, or `LAYERSxHIDDEN` for random weights with the folder's tokenizer.
        cache: Where the forms are kept.
        environments: Name → state, of those that are ready or failed.
    """

    def __init__(
        self, source: Path, shape: str, cache: Path, environments: dict[str, EnvironmentState]
    ) -> None:
        self.source = source.resolve()
        self.name = self.source.name if shape == GIVEN else shape
        self._random = None if shape == GIVEN else shape
        self._place = cache / f"{self.name}-{_digest(self.source)}"
        self.environments = environments

    def folder(self, layout: Layout) -> tuple[Path, str | None]:
        """Return the folder of `layout`, made where need be, and why it could not be made."""
        if layout == "embedded":
            return _EMBEDDED, None if self._random is None else "it has weights of one shape"
        if layout == "own" and self._random is None:
            return self.source, None
        script, environment, start = _BUILDERS[layout]
        target = self._place / layout
        if (target / "done").is_file():
            return target, None
        source, failure = self.folder(start) if start else (self.source, None)
        state = self.environments[environment]
        if failure or state.failure:
            return target, failure or state.failure
        return target, self._build(state.python, script, source, target)

    def _build(self, python: Path, script: str, source: Path, target: Path) -> str | None:
        shape = ["--shape", self._random] if self._random and script == "torch_layout" else []
        command = [str(python), "-m", f"benchmarks.speed.layouts.{script}", str(source), str(target), *shape]
        target.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **OFFLINE}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"{script}: {(done.stderr.strip().splitlines() or ['failed'])[-1][:300]}"
        (target / "done").touch()
        return None

    def shape(self) -> ModelShape:
        """Return layers and widths, from the request or from `config.json`."""
        if self._random:
            layers, hidden = map(int, self._random.split("x"))
            return ModelShape(layers, hidden, 4 * hidden)
        config = json.loads((self.source / "config.json").read_text())
        return ModelShape(config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"])


def _digest(folder: Path) -> str:
    stat = (folder / "model.safetensors").stat()
    return hashlib.sha256(f"{folder}:{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()[:10]
