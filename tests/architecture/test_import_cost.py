"""Importing the package loads none of what only one room needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "numpy",
    "onnxruntime",
    "tokenizers",
    "torch",
    "transformers",
    "huggingface_hub",
    "httpx",
    "httpx2",
    "anyio",
    "asyncio",
    "trio",
    "click",
    "rich",
    "pytest",
    "importlib.metadata",
}
HEAVY_FOR_A_CALL = HEAVY - {"anyio", "asyncio", "importlib.metadata"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_a_cross_encoder_starts_without_the_other_families() -> None:
    loaded = loaded_by("from localrank import rerank_sync; rerank_sync('localrank-mini', 'q', ['a'])")
    package = "localrank_transformers"
    assert f"{package}.onnx_family" in loaded
    others = {f"{package}.onnx_causal", f"{package}.onnx_late"}
    others |= {f"{package}.families.{name}" for name in ("causal", "causal_templates", "late_interaction")}
    assert others & loaded == set()


def test_importing_localrank_loads_nothing_heavy() -> None:
    assert loaded_by("import localrank") & HEAVY == set()


@pytest.mark.parametrize(
    "statement",
    [
        "from localrank import *",
        "import localrank.testing",
        "from localrank import rerank_sync; from localrank.testing import MockReranker; "
        "rerank_sync(MockReranker(), 'q', ['a'])",
    ],
)
def test_the_core_works_without_tensors_and_http(statement: str) -> None:
    assert loaded_by(statement) & HEAVY_FOR_A_CALL == set()
