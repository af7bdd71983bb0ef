"""Importing the package loads none of what only one room needs."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from localrank_transformers.engines.native.library import library
from tests.support import packed_encoders, tiny_encoders, tiny_models

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


PACKAGE = "localrank_transformers"
CAUSAL = {
    f"{PACKAGE}.{name}"
    for name in (
        "families.generative.causal_family",
        "families.generative.causal",
        "families.generative.templates",
    )
}
LATE = {f"{PACKAGE}.{name}" for name in ("families.late.family", "families.late.tokens")}
OF_FOLDERS = {
    f"{PACKAGE}.{name}"
    for name in (
        "models.catalogue.entries",
        "optimizing.kept.faster",
        "models.folder.card",
        "models.folder.reading",
        "models.folder.safety.graphs",
        "models.folder.safety.files",
        "models.folder.settings_files",
    )
}


REQUIRED = {name for name in HEAVY if name not in {"torch", "transformers", "httpx"}}
"""What the development environment has; the others are there for some."""


@pytest.mark.parametrize("name", sorted(REQUIRED | CAUSAL | LATE | OF_FOLDERS))
def test_what_is_looked_for_is_there_to_be_loaded(name: str) -> None:
    assert find_spec(name) is not None


def test_the_embedded_model_starts_without_the_other_families() -> None:
    loaded = loaded_by("from localrank import rerank_sync; rerank_sync('localrank-mini', 'q', ['a'])")
    assert loaded >= LATE
    assert loaded & CAUSAL == set()


def test_the_embedded_model_starts_without_what_reads_other_models() -> None:
    loaded = loaded_by(
        f"from localrank import rerank_sync; from {PACKAGE} import OnnxReranker; rerank_sync(OnnxReranker(), 'q', ['a'])"
    )
    assert loaded & (OF_FOLDERS | {"tomllib", "importlib.resources"}) == set()


COMPARED = {
    "localrank.calling.retry.RetryPolicy",
    f"{PACKAGE}.call.contract.DocumentTokens",
    f"{PACKAGE}.models.folder.exported.LateLogit",
    f"{PACKAGE}.models.folder.late_layout.LateLayout",
    f"{PACKAGE}.families.late.known.documents.Found",
}
"""What somebody compares or prints, besides what a caller is given."""

LIST_COMPARED = """
for name, module in list(sys.modules.items()):
    for value in vars(module).values():
        made = getattr(value, "__dataclass_params__", None)
        if isinstance(value, type) and made and (made.eq or made.repr):
            print(f"{value.__module__}.{value.__qualname__}")
"""


@pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")
def test_no_class_on_the_way_to_the_first_result_has_methods_made_that_nobody_calls() -> None:
    loaded = loaded_by(
        f"from localrank import rerank_sync; from {PACKAGE} import OnnxReranker; rerank_sync(OnnxReranker(), 'q', ['a'])"
        + LIST_COMPARED
    )
    ours = {name for name in loaded if name.startswith("localrank") and name.rpartition(".")[2][:1].isupper()}
    assert {name for name in ours if not name.startswith("localrank.contract.")} == COMPARED


@pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")
@pytest.mark.parametrize("kind", ["embedded", "folder"])
def test_what_the_kernels_run_starts_without_onnx_runtime(tmp_path: Path, kind: str) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert", shape=packed_encoders.SHAPE)
    packed_encoders.write(folder, folder / "onnx/model_int8.onnx")
    made = "OnnxReranker()" if kind == "embedded" else f"OnnxReranker({str(folder)!r}, precision='int8')"
    loaded = loaded_by(
        f"from localrank import rerank_sync; from {PACKAGE} import OnnxReranker; rerank_sync({made}, 'q', ['a'])"
    )
    assert "numpy" in loaded
    assert "onnxruntime" not in loaded


def test_a_model_is_constructed_without_an_engine() -> None:
    loaded = loaded_by(f"from {PACKAGE} import OnnxReranker; OnnxReranker()")
    assert f"{PACKAGE}.rerankers.onnx" in loaded
    assert loaded & {"numpy", "onnxruntime", "tokenizers", "importlib.metadata"} == set()


def test_a_cross_encoder_starts_without_the_other_families(tmp_path: Path) -> None:
    made = f"OnnxReranker({str(tiny_models.build(tmp_path / 'm'))!r})"
    loaded = loaded_by(
        f"from localrank import rerank_sync; from {PACKAGE} import OnnxReranker; rerank_sync({made}, 'q', ['a'])"
    )
    assert f"{PACKAGE}.families.pairs" in loaded
    assert loaded & (CAUSAL | LATE) == set()


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
