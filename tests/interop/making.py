"""An environment with other people's packages in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.interop.environments import Environment

__all__ = ["make"]

HASHES = Path(__file__).parent / "hashes.txt"


def make(environment: Environment, folder: Path) -> Path:
    """Make a virtual environment with what `environment` needs, unless it is there; return its Python."""
    python = folder / "bin" / "python"
    if python.exists():
        return python
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    if environment.by_hash:
        subprocess.run([*pip, "--no-deps", "--require-hashes", "-r", str(HASHES)], check=True)
    subprocess.run([*pip, *environment.requirements], check=True)
    return python
