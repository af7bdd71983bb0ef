"""With numpy, tokenizers and anyio alone the embedded models rank, and what else is asked for is named with its command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from localrank_transformers.engines.native.library import library
from tests.support import tiny_models

PACKAGES = {"numpy", "tokenizers", "anyio", "idna", "sniffio", "typing_extensions"}
"""Of others, what `pip install --no-deps` gets in docs/guides/deploy.md; sniffio where anyio is older."""

ALONE = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first in sys.stdlib_module_names or first.startswith("localrank") or first in {PACKAGES}:
            return None
        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from localrank import MissingDependencyError, rerank_sync
from localrank_transformers import OnnxReranker
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ALONE + script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(model: str) -> str:
    return run(f"""
try:
    rerank_sync({model}, "q", ["a"])
except MissingDependencyError as error:
    print(error)
""")


@pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")
def test_the_embedded_models_rank() -> None:
    found = run("""
for model in (OnnxReranker(), OnnxReranker("localrank-tiny"), OnnxReranker(document_cache_mb=8)):
    ranked = rerank_sync(model, "When is lunch?", ["The train left.", "We eat at noon."])
    print(ranked[0].text, ranked.outcome.kind, list(ranked.warnings))
""")
    assert found == "We eat at noon. ranked []\n" * 3


@pytest.mark.parametrize(
    ("model", "package"),
    [
        ('OnnxReranker(execution_providers=["CPUExecutionProvider"])', "onnxruntime"),
        ('"mini"', "huggingface-hub"),
        ('OnnxReranker("some/model", cache_dir="nowhere", offline=False)', "huggingface-hub"),
    ],
)
def test_what_needs_another_package_names_it(model: str, package: str) -> None:
    assert refused(model).endswith(
        f"needs {package}: not installed here, or too old. Install it with: pip install {package}\n"
    )


def test_a_graph_that_is_not_ours_names_what_runs_it(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    assert "needs onnxruntime: not installed here" in refused(repr(str(folder)))


def test_the_doctor_says_what_is_left_out() -> None:
    found = run("""
from localrank_transformers.commands.diagnosis import diagnose
for section in diagnose():
    for finding in section.findings:
        print(finding.name, finding.value, finding.hint, sep=": ")
""").splitlines()
    for package in ("onnxruntime", "huggingface-hub"):
        (line,) = [one for one in found if one.startswith(f"{package}: ")]
        assert "not installed" in line
        assert line.endswith(f"Install it with: pip install {package}")


def test_the_command_names_what_it_wants() -> None:
    found = run("""
try:
    import localrank.cli.main
except MissingDependencyError as error:
    print(error)
""")
    assert found.endswith("Install them with: pip install click rich markdown-it-py\n")
