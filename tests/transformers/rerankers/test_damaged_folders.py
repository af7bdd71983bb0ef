"""A damaged file of a folder, whichever and however, ends in an error of ours, once, in a moment and in little memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localrank_transformers.models import bundled
from tests.support import tiny_models

MUTATIONS = 150

WORKER = """
import resource, sys, tempfile, time, warnings
from pathlib import Path
from localrank import RerankError, rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.models.folder.settings_files import read_torch_files
from tests.support import mutations, packed_encoders, tiny_models

kind, count = sys.argv[1], int(sys.argv[2])
warnings.simplefilter("ignore")
place = Path(tempfile.mkdtemp())
source = place / "whole"
if kind == "plain":
    tiny_models.build(source, external_data=True)
else:
    packed_encoders.build(source, kind)

def use(folder):
    with OnnxReranker(folder, precision="auto" if kind == "plain" else "int8") as model:
        assert model.score_kind and model.fingerprint
        rerank_sync(model, "what is rag", ["a city in france", "w5 rag \\u2603"], max_retries=0)

use(source)
failures = 0
for seed in range(count):
    what = mutations.mutated(source, place / "m", seed)
    began, most = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        use(place / "m")
    except RerankError:
        failures += 1
    except BaseException as error:
        sys.exit(f"{what}: {type(error).__name__}: {error}")
    if kind == "plain":
        try:
            read_torch_files(place / "m")
        except RerankError:
            pass
    if time.monotonic() - began > 20:
        sys.exit(f"{what}: took {time.monotonic() - began:.0f} s")
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most > 1_000_000:
        sys.exit(f"{what}: took a gigabyte")
assert failures > count / 4, failures
"""


@pytest.mark.skipif(sys.platform == "win32", reason="counts memory by getrusage")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["plain", "bert", "late"])
def test_damaged_files_end_in_an_error_of_ours(tmp_path: Path, kind: str) -> None:
    env = {**os.environ, "LOCALRANK_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", WORKER, kind, str(MUTATIONS)],
        capture_output=True,
        text=True,
        errors="replace",
        env=env,
        timeout=220,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout == ""


CHANGED = """
import shutil, sys
from pathlib import Path
from localrank import rerank_sync
from localrank_transformers import OnnxReranker, TorchReranker

engine, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]

def made(folder):
    if engine == "torch":
        return TorchReranker(folder, device="cpu")
    providers = ["CPUExecutionProvider"] if engine == "onnx" else None
    return OnnxReranker(folder, precision=sys.argv[4], optimize=False, execution_providers=providers)

model, query, documents = made(folder), "what is rag", ["a city in france", "port learning w7 w8 w9"]
before = rerank_sync(model, query, documents[:1])
other = shutil.copytree(folder, folder.with_name("other"))
expected = rerank_sync(made(other), query, documents)
with (folder / name).open("r+b") as stream:  # as `cp` and `rsync --inplace` do
    stream.truncate(0)
    stream.write(b"0" * 1000)
after = rerank_sync(model, query, documents)
assert [hit.score for hit in after] == [hit.score for hit in expected]
"""


def survives(tmp_path: Path, engine: str, folder: Path, name: str, precision: str = "fp32") -> None:
    run = subprocess.run(
        [sys.executable, "-c", CHANGED, engine, str(folder), name, precision],
        capture_output=True,
        text=True,
        env={**os.environ, "LOCALRANK_CACHE": str(tmp_path / "cache")},
        timeout=200,
        check=False,
    )
    assert run.returncode == 0, f"{run.returncode}: {run.stderr[-2000:]}"


@pytest.mark.parametrize("engine", ["onnx", "kernels"])
def test_a_graph_that_is_written_over_while_it_serves_ends_no_process(tmp_path: Path, engine: str) -> None:
    folder = shutil.copytree(Path(bundled.__file__).parent / "localrank_tiny", tmp_path / "m")
    survives(tmp_path, engine, folder, "onnx/model_int8.onnx", "int8")


def test_external_data_that_are_written_over_while_they_serve_end_no_process(tmp_path: Path) -> None:
    tiny_models.build(tmp_path / "m", external_data=True)
    [data] = (tmp_path / "m/onnx").glob("*.data")
    survives(tmp_path, "onnx", tmp_path / "m", f"onnx/{data.name}")


@pytest.mark.timeout(240)
def test_weights_of_torch_that_are_written_over_while_they_serve_end_no_process(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `golden`")
    from tests.support import torch_models

    torch_models.build_encoder(tmp_path / "m", "bert")
    survives(tmp_path, "torch", tmp_path / "m", "model.safetensors")
