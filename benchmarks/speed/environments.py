"""One virtual environment for each group of peers whose requirements agree, with pinned versions.

Run alone it builds them: `python -m benchmarks.speed.environments --envs FOLDER`.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENVIRONMENTS", "Environment", "EnvironmentState", "default_folder", "prepare"]

TORCH = ("torch==2.13.0",)
_ORT = "onnxruntime==1.31.1"
_INSTALL_TIMEOUT_S = 1800
_DONE = "installed.txt"
_FAILED = "failed.txt"


@dataclass(frozen=True, slots=True)
class Environment:
    """What one environment holds.

    Attributes:
        name: Also its folder.
        steps: Requirements of each `pip install`, in order: torch before what depends on it, so that the build that the
            index (or `--torch-index`) offers is kept.
    """

    name: str
    steps: tuple[tuple[str, ...], ...]

    @property
    def digest(self) -> str:
        """Names the pins, so that changed pins are installed anew."""
        return hashlib.sha256(repr(self.steps).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """Whether an environment can be used.

    Attributes:
        python: Its interpreter.
        failure: Why it cannot be used; None where it can.
    """

    python: Path
    failure: str | None = None


OWN = "localrank"
"""The interpreter that runs the benchmark, with this checkout installed."""

ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment(
            "torch",
            (
                TORCH,
                (
                    "transformers==5.23.0",
                    "sentence-transformers==6.2.0",
                    "rerankers[transformers]==0.10.0",
                    "sentencepiece",
                ),
            ),
        ),
        Environment(
            "onnx",
            (
                TORCH,
                # optimum-onnx 0.1.0 wants transformers below 4.58, which sentence-transformers 6 no longer takes
                ("transformers==4.57.6", "optimum-onnx==0.1.0", "sentence-transformers==5.7.0", _ORT, "onnx"),
            ),
        ),
        Environment(
            "openvino",
            (
                TORCH,
                (
                    "transformers==5.5.4",
                    "optimum-intel==2.2.0",
                    "openvino==2026.4.1",
                    "nncf",
                    "sentence-transformers==6.2.0",
                ),
            ),
        ),
        Environment("flashrank", (("FlashRank==0.2.10", _ORT),)),
        Environment("fastembed", (("fastembed==0.9.1", _ORT),)),
    )
}


def default_folder() -> Path:
    """Return where environments and exported models are kept."""
    return Path.home() / ".cache" / "localrank-bench"


def prepare(name: str, folder: Path, *, torch_index: str | None = None) -> EnvironmentState:
    """Return the environment `name`, made and filled where need be; a failure is an answer, not an exception.

    Args:
        name: A key of `ENVIRONMENTS`, or `localrank` for the running interpreter.
        folder: The folder of all environments.
        torch_index: A package index for torch alone, for example the one of its CPU builds.
    """
    if name == OWN:
        return EnvironmentState(Path(sys.executable))
    environment = ENVIRONMENTS[name]
    place = folder / name
    python = place / "bin" / "python"
    for file, failed in ((place / _DONE, False), (place / _FAILED, True)):
        if file.is_file() and file.read_text().startswith(environment.digest):
            reason = file.read_text().partition("\n")[2].strip() if failed else None
            return EnvironmentState(python, reason)
    print(f"environment {name}: installing {', '.join(sum(environment.steps, ()))}", file=sys.stderr)
    venv.create(place, with_pip=True, clear=True)
    failure = _install(python, environment.steps, torch_index)
    (place / (_FAILED if failure else _DONE)).write_text(
        f"{environment.digest}\n{failure or _freeze(python)}\n"
    )
    return EnvironmentState(python, failure)


def _install(python: Path, steps: Sequence[Sequence[str]], torch_index: str | None) -> str | None:
    for step in steps:
        index = ["--index-url", torch_index] if torch_index and step == TORCH else []
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *index,
            *step,
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"pip install {' '.join(step)}: not done after {_INSTALL_TIMEOUT_S} s"
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["failed"]
            return f"pip install {' '.join(step)}: {lines[0][:300]}"
    return None


def _freeze(python: Path) -> str:
    command = [str(python), "-m", "pip", "freeze", "--disable-pip-version-check"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    """Build every environment and say how it went."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--envs", type=Path, default=default_folder(), help="folder of the environments")
    parser.add_argument("--torch-index", help="package index for torch, e.g. the one of its CPU builds")
    parser.add_argument("names", nargs="*", help="which ones; none means all")
    arguments = parser.parse_args()
    failures = 0
    for name in arguments.names or ENVIRONMENTS:
        state = prepare(name, arguments.envs, torch_index=arguments.torch_index)
        print(f"{name}: {state.failure or 'ready'}")
        failures += state.failure is not None
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
