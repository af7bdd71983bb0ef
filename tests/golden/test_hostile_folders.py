"""Code that lies in a model's folder does not run, whatever names it, in ranking, export, training and mining."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

from localrank import RerankError, rerank_sync
from localrank.integrations import from_cross_encoder
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.exporting.export import export_onnx
from localrank_transformers.training.data.bi_encoder import bi_encoder_retriever
from localrank_transformers.training.model.start import write_start
from localrank_transformers.training.request import StudentShape
from tests.support import tiny_models, torch_models

AUTO = (
    "AutoConfig",
    "AutoModel",
    "AutoModelForSequenceClassification",
    "AutoModelForCausalLM",
    "AutoTokenizer",
)


def rank_onnx(folder: Path) -> None:
    rerank_sync(OnnxReranker(folder), "what is rag", ["a city"], max_retries=0)


def rank_torch(folder: Path) -> None:
    rerank_sync(TorchReranker(folder, device="cpu"), "what is rag", ["a city"], max_retries=0)


def export(folder: Path) -> None:
    export_onnx(folder, folder.with_name("out"), precision="fp32")


def train(folder: Path) -> None:
    write_start(str(folder), folder.with_name("start"), shape=StudentShape(), seed=0)


def mine(folder: Path) -> None:
    bi_encoder_retriever(str(folder), ["a city"])


def wrap(folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    model = from_cross_encoder(CrossEncoder(str(folder), device="cpu", trust_remote_code=False))
    rerank_sync(model, "what is rag", ["a city"], max_retries=0)


@pytest.mark.parametrize("use", [rank_onnx, rank_torch, export, train, mine, wrap])
@pytest.mark.parametrize("known", [True, False], ids=["known-architecture", "unknown-architecture"])
def test_code_in_a_folder_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, use: Callable[[Path], None]
) -> None:
    folder = torch_models.build_encoder(tmp_path / "hostile", "bert")
    tiny_models.build(tmp_path / "graph")
    shutil.copytree(tmp_path / "graph/onnx", folder / "onnx")
    proof = tmp_path / "ran"
    code = f"from pathlib import Path\nPath({str(proof)!r}).touch()\nclass Evil: pass\n"
    for name in (
        "modeling_evil.py",
        "configuration_evil.py",
        "tokenization_evil.py",
        "evil.py",
        "1_Evil/evil.py",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    auto = dict.fromkeys(AUTO, "modeling_evil.Evil")
    config = json.loads((folder / "config.json").read_text()) | {"auto_map": auto, "custom_code": True}
    if not known:
        config |= {"model_type": "evil", "architectures": ["EvilForSequenceClassification"]}
    (folder / "config.json").write_text(json.dumps(config))
    told = {
        "tokenizer_class": "Evil",
        "auto_map": {"AutoTokenizer": ["modeling_evil.Evil", "modeling_evil.Evil"]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    types = ["modeling_evil.Evil", "evil.Evil", "sentence_transformers.models.Pooling"]
    modules = [
        {"idx": at, "name": str(at), "path": "" if at == 0 else "1_Evil", "type": of}
        for at, of in enumerate(types)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Evil/config.json").write_text(json.dumps({"activation_function": "evil.Evil"}))
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"model_type": "CrossEncoder", "activation_fn": "evil.Evil"})
    )
    monkeypatch.chdir(folder)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asks whether code may run"))
    with suppress(
        RerankError, ValueError, OSError
    ):  # sentence-transformers raises its own of a folder that we do not load
        use(folder)
    assert not proof.exists()


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    for use in (rank_torch, export, train):
        with pytest.raises(RerankError, match=r"pytorch_model\.bin|no model\.safetensors"):
            use(folder)
