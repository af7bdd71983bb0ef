"""The rooms import downwards only, and the rules that say so really bite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("localrank", "localrank_transformers", "localrank_cohere")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_every_import_contract_holds() -> None:
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("localrank/contract/types.py", "import localrank.providers.registry", "The rooms of the core"),
        ("localrank/providers/calls.py", "import numpy", "The core imports no tensor"),
        ("localrank/providers/registry.py", "import localrank_cohere", "Providers depend on the core"),
        ("localrank_cohere/__init__.py", "import localrank_transformers", "never on each other"),
        (
            "localrank_cohere/planted.py",
            "import localrank.calling.rerank",
            "A provider sees only the contract",
        ),
        ("localrank_transformers/planted.py", "import onnxruntime", "onnxruntime is imported in"),
        ("localrank_transformers/planted.py", "import torch", "torch is imported in"),
        (
            "localrank_transformers/call/call.py",
            "import localrank_transformers.models.location",
            "The rooms of the local",
        ),
        (
            "localrank_cohere/wire/answers.py",
            "if TYPE_CHECKING:\n    import localrank_cohere.vendors",
            "No cycles",
        ),
        ("localrank/integrations/callables.py", "import haystack", "Each framework is imported in"),
        ("localrank/compat/flashrank.py", "import localrank.integrations.foreign", "The rooms of the core"),
        ("localrank/newroom/__init__.py", "", "The rooms of the core"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, line: str, broken: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=_all_but_python)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / file
    planted.parent.mkdir(exist_ok=True)
    before = planted.read_text("utf-8") if planted.exists() else ""
    planted.write_text(f"{before}\n{line}\n", "utf-8")

    done = lint(tmp_path)

    assert done.returncode != 0
    assert [row for row in done.stdout.splitlines() if broken in row and "BROKEN" in row] != [], done.stdout


def _all_but_python(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()]
