"""A folder with pickled weights becomes one with safetensors: the same scores, tensors only, whole or not at all."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("safetensors", reason="needs the extra `golden`")

import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from localrank import InvalidRequestError, MissingDependencyError, ModelLoadError, rerank_sync
from localrank_transformers import TorchReranker
from localrank_transformers.commands.models import models
from localrank_transformers.exporting import convert as converting
from localrank_transformers.exporting.convert import convert
from tests.support import late_models, t5_models, torch_models
from tests.support.shell import localrank
from tests.support.torch_models import texts

QUERY = "what is the capital of france"


def pickled(folder: Path, *, tied: dict[str, str] | None = None, legacy: bool = False) -> Path:
    """Replace every model.safetensors in `folder` by what torch.save writes; `tied` names share memory."""
    for path in list(folder.rglob("model.safetensors")):
        state: dict[str, Any] = dict(load_file(path))
        if path.parent == folder:
            state |= {name: state[of] for name, of in (tied or {}).items()}
        torch.save(state, path.with_name("pytorch_model.bin"), _use_new_zipfile_serialization=not legacy)
        path.unlink()
    return folder


def scores(folder: Path, **settings: Any) -> dict[int, float]:
    result = rerank_sync(TorchReranker(folder, device="cpu", dtype="fp32", **settings), QUERY, texts(8))
    return {hit.index: hit.score for hit in result}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_cross_encoder_keeps_its_scores(tmp_path: Path, legacy: bool) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    expected = scores(folder)

    done = convert(pickled(folder, legacy=legacy), tmp_path / "out")

    assert done.files == ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    assert scores(tmp_path / "out") == pytest.approx(expected, abs=1e-6)


def test_tied_weights_of_a_monot5_are_written_under_each_name(tmp_path: Path) -> None:
    folder = t5_models.build_t5(tmp_path / "m")
    settings = {"family": "seq2seq", "template": "monot5"}
    expected = scores(folder, **settings)
    tied = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"]

    convert(pickled(folder, tied=dict.fromkeys(tied, "shared.weight")), tmp_path / "out")

    assert scores(tmp_path / "out", **settings) == pytest.approx(expected, abs=1e-6)
    written = load_file(tmp_path / "out/model.safetensors")
    assert all(torch.equal(written[name], written["shared.weight"]) for name in tied)


def test_views_and_transposed_tensors_keep_their_numbers(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    table = torch.arange(12.0).reshape(3, 4)
    state = {"all": table, "row": table[1], "turned": table.T}
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")

    convert(folder, tmp_path / "out")

    written = load_file(tmp_path / "out/model.safetensors")
    assert all(torch.equal(written[name], value) for name, value in state.items())


def test_shards_and_their_index_are_converted(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    expected = scores(folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    files = [f"pytorch_model-0000{part}-of-00002.bin" for part in (1, 2)]
    parts = dict(zip(files, (names[::2], names[1::2]), strict=True))
    for file, held in parts.items():
        torch.save({name: state[name] for name in held}, folder / file)
    index = {"metadata": {}, "weight_map": {name: file for file, held in parts.items() for name in held}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))

    done = convert(folder, tmp_path / "out")

    assert "model-00001-of-00002.safetensors" in done.files
    assert scores(tmp_path / "out") == pytest.approx(expected, abs=1e-6)


def test_the_modules_of_a_late_interaction_model_are_converted(tmp_path: Path) -> None:
    folder = late_models.build_pylate(tmp_path / "m")
    expected = scores(folder)

    done = convert(pickled(folder), tmp_path / "out")

    assert "1_Dense/model.safetensors" in done.files
    assert scores(tmp_path / "out") == pytest.approx(expected, abs=1e-6)


def sentencepiece_file(folder: Path) -> None:
    """Replace tokenizer.json by a SentencePiece unigram model with the same pieces."""
    sentencepiece = pytest.importorskip(
        "sentencepiece.sentencepiece_model_pb2", reason="needs the extra `golden`"
    )
    found = json.loads((folder / "tokenizer.json").read_text())
    extra = {one["content"] for one in found["added_tokens"] if one["content"].startswith("<extra")}
    model = sentencepiece.ModelProto()
    kinds = {"<unk>": 2, "<pad>": 3, "</s>": 3}
    for piece, value in found["model"]["vocab"]:
        if piece not in extra:
            model.pieces.add(piece=piece, score=value, type=kinds.get(piece, 1))
    model.trainer_spec.model_type = 1
    model.trainer_spec.unk_id = 2
    model.normalizer_spec.add_dummy_prefix = True
    (folder / "spiece.model").write_bytes(model.SerializeToString())
    (folder / "tokenizer.json").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "T5Tokenizer", "extra_ids": len(extra)}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def test_a_sentencepiece_tokenizer_becomes_tokenizer_json(tmp_path: Path) -> None:
    folder = t5_models.build_t5(tmp_path / "m")
    settings = {"family": "seq2seq", "template": "monot5"}
    expected = scores(folder, **settings)
    sentencepiece_file(folder)

    done = convert(pickled(folder), tmp_path / "out")

    assert "tokenizer.json" in done.files
    assert scores(tmp_path / "out", **settings) == pytest.approx(expected, abs=1e-6)


def test_a_missing_sentencepiece_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pickled(torch_models.build_encoder(tmp_path / "m", "bert"))
    (folder / "tokenizer.json").rename(folder / "spiece.model")
    monkeypatch.setattr(converting, "find_spec", lambda name: None if name == "sentencepiece" else object())

    with pytest.raises(MissingDependencyError, match="needs sentencepiece, not installed"):
        convert(folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


class Runs:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "plain"])
def test_a_pickle_that_asks_for_code_is_refused_and_runs_none(tmp_path: Path, legacy: bool) -> None:
    folder, mark = torch_models.build_encoder(tmp_path / "m", "bert"), tmp_path / "ran"
    (folder / "model.safetensors").unlink()
    content = {"weight": Runs(f"touch {mark}")}
    if legacy:
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, folder / "pytorch_model.bin")

    with pytest.raises(ModelLoadError, match=r"pytorch_model\.bin cannot be read as tensors only"):
        convert(folder, tmp_path / "out")

    assert not mark.exists()
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_training_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    torch.save({"epoch": 3, "weight": torch.ones(2)}, folder / "pytorch_model.bin")

    with pytest.raises(ModelLoadError, match=r"'epoch', a int, instead of tensors only"):
        convert(folder, tmp_path / "out")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    folder = pickled(torch_models.build_encoder(tmp_path / "m", "bert"))
    content = (folder / "pytorch_model.bin").read_bytes()
    (folder / "pytorch_model.bin").write_bytes(content[: len(content) // 2])

    with pytest.raises(ModelLoadError, match="cannot be read as tensors only"):
        convert(folder, tmp_path / "out")
    assert not zipfile.is_zipfile(folder / "pytorch_model.bin")


@pytest.mark.parametrize("shard", ["../evil.bin", "/etc/evil.bin", "weights.pkl", "modeling.py"])
def test_an_index_that_leaves_its_folder_is_refused(tmp_path: Path, shard: str) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"w": shard}}))

    with pytest.raises(ModelLoadError, match=r"no plain path|no \.bin file"):
        convert(folder, tmp_path / "out")


def test_a_folder_with_files_in_it_is_not_written_to(tmp_path: Path) -> None:
    folder = pickled(torch_models.build_encoder(tmp_path / "m", "bert"))
    with pytest.raises(InvalidRequestError, match="has files in it"):
        convert(folder, folder)


def test_code_of_the_folder_stays_behind(tmp_path: Path) -> None:
    folder = pickled(torch_models.build_encoder(tmp_path / "m", "bert"))
    for name in ("modeling.py", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(b"x")
    (folder / "README.md").write_text("a card")

    assert [name for name in convert(folder, tmp_path / "out").files if "." in name] == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_the_refusal_of_a_pickle_names_the_command_and_the_command_does_it(tmp_path: Path) -> None:
    folder = pickled(torch_models.build_encoder(tmp_path / "m", "bert"))
    with pytest.raises(ModelLoadError, match=r"localrank models convert FOLDER --out NEW_FOLDER"):
        scores(folder)

    done = CliRunner().invoke(models, ["convert", str(folder), "--out", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    assert f"wrote {tmp_path / 'out'}: " in done.stdout
    assert len(scores(tmp_path / "out")) == 8


def test_what_cannot_be_converted_is_one_line(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    done = localrank("models", "convert", str(folder), "--out", str(tmp_path / "out"))

    assert done.code == 4
    assert "has no pytorch_model.bin" in done.err.splitlines()[-1]
    assert "safetensors already" in done.err
