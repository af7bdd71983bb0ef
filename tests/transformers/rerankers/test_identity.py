"""A cache key changes with the weights, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localrank import Cached, MemoryStore, rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.engines import identity
from localrank_transformers.models import bundled
from localrank_transformers.models.location import locate
from localrank_transformers.rerankers.base import weights_identity
from tests.support import tiny_models


def test_an_embedded_model_is_known_by_its_sums(monkeypatch) -> None:
    before = weights_identity(locate(None))
    assert before == weights_identity(locate("localrank-mini"))
    sums = bundled.SHA256["localrank-mini"] | {"onnx/model_int8.onnx": "0" * 64}
    monkeypatch.setitem(bundled.SHA256, "localrank-mini", sums)
    assert before != weights_identity(locate(None))


def test_new_weights_in_a_folder_give_another_identity(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    before = weights_identity(locate(folder))
    assert before == weights_identity(locate(str(folder)))
    os.utime(folder / "onnx/model.onnx", ns=(1, 1))
    assert before != weights_identity(locate(folder))


def test_settings_that_change_a_score_change_the_fingerprint(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    made = {
        OnnxReranker(folder, **settings).fingerprint
        for settings in ({}, {"max_length": 32}, {"precision": "int8"}, {"activation": "none"})
    }
    assert len(made) == 4


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make this machine another one: with or without kernels, of another processor, with another ONNX Runtime."""

    def become(*, kernels: bool = False, processor: str = "x86_64:AVX2", runtime: str = "1.25.0") -> None:
        monkeypatch.setattr(identity, "absence", lambda: None if kernels else "absent")
        monkeypatch.setattr(identity, "_processor", lambda: processor)
        monkeypatch.setattr(identity, "_installed", lambda names: runtime)

    return become


@pytest.mark.parametrize("model", [None, "cross-encoder/ms-marco-MiniLM-L6-v2"])
def test_another_engine_processor_or_version_gives_another_fingerprint(
    machine: Any, model: str | None
) -> None:
    made = []
    for other in ({}, {"kernels": True}, {"processor": "aarch64:NEON"}, {"runtime": "1.26.0"}):
        machine(**other)
        made.append(OnnxReranker(model).fingerprint)

    assert len(set(made)) == 4


def test_what_computes_alike_has_one_fingerprint(machine: Any) -> None:
    machine()
    cpu = OnnxReranker(execution_providers=["CPUExecutionProvider"])

    assert OnnxReranker().fingerprint == OnnxReranker(precision="int8").fingerprint == cpu.fingerprint
    assert OnnxReranker(threads=1).fingerprint == OnnxReranker().fingerprint
    machine(kernels=True)
    with_kernels = OnnxReranker().fingerprint
    assert with_kernels != cpu.fingerprint
    machine(kernels=True, runtime="1.26.0")
    assert with_kernels == OnnxReranker().fingerprint  # ONNX Runtime has no part in it


def test_an_execution_provider_is_part_of_the_fingerprint() -> None:
    one = OnnxReranker(execution_providers=["CUDAExecutionProvider", "CPUExecutionProvider"])

    assert one.fingerprint != OnnxReranker(execution_providers=["CPUExecutionProvider"]).fingerprint


def test_a_store_that_two_engines_share_does_not_mix_their_scores(machine: Any) -> None:
    store, texts = MemoryStore(), ["a ferry", "a train"]
    machine()
    rerank_sync(Cached(OnnxReranker("localrank-tiny"), store), "ferry", texts)
    machine(kernels=True)

    result = rerank_sync(Cached(OnnxReranker("localrank-tiny"), store), "ferry", texts)

    assert result.usage.cache_hits == 0


def test_the_fingerprint_is_the_same_before_and_after_the_model_is_loaded() -> None:
    model = OnnxReranker("localrank-tiny")
    before = model.fingerprint

    rerank_sync(model, "ferry", ["a ferry"])

    assert model.fingerprint == before


_ASKING = """
import sys
from localrank_transformers import OnnxReranker, TorchReranker
print(OnnxReranker().fingerprint, TorchReranker("BAAI/bge-reranker-base").fingerprint)
print(sorted({"onnxruntime", "torch", "transformers"} & set(sys.modules)))
"""


def test_a_fingerprint_imports_no_engine() -> None:
    pytest.importorskip("torch", reason="needs the extra `torch`")
    done = subprocess.run(
        [sys.executable, "-c", _ASKING], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.splitlines()[1] == "[]"


def test_torch_models_are_told_apart_by_versions_processor_and_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch", reason="needs the extra `torch`")
    from localrank_transformers import TorchReranker

    made = {TorchReranker("BAAI/bge-reranker-base", device=device).fingerprint for device in ("cpu", "auto")}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    made.add(TorchReranker("BAAI/bge-reranker-base").fingerprint)
    monkeypatch.setattr(identity, "_installed", lambda names: "9.9")
    made.add(TorchReranker("BAAI/bge-reranker-base", device="cpu").fingerprint)

    assert len(made) == 4
