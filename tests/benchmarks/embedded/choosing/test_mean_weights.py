"""The mean of checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file

from benchmarks.embedded.choosing import mean_weights
from tests.benchmarks.embedded.recipe import run


def checkpoint(folder: Path, **weights: float) -> Path:
    folder.mkdir()
    tensors = {name: torch.full((2,), value) for name, value in weights.items()}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(folder.name)
    return folder


def test_weights_are_averaged_and_the_rest_is_of_the_last_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, last = checkpoint(tmp_path / "a", w=1.0), checkpoint(tmp_path / "b", w=2.0)
    run(monkeypatch, mean_weights, first, last, "--out", tmp_path / "out")
    assert load_file(tmp_path / "out" / "model.safetensors")["w"].tolist() == [1.5, 1.5]
    assert (tmp_path / "out" / "config.json").read_text() == "b"


def test_checkpoints_of_other_bases_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, last = checkpoint(tmp_path / "a", w=1.0), checkpoint(tmp_path / "b", v=2.0)
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, mean_weights, first, last, "--out", tmp_path / "out")


def test_a_folder_without_weights_and_a_folder_that_stands_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, last = checkpoint(tmp_path / "a", w=1.0), checkpoint(tmp_path / "b", w=2.0)
    for given, said in (
        ([first, tmp_path / "c", "--out", tmp_path / "out"], "holds no"),
        ([first, last, "--out", last], "exists"),
    ):
        with pytest.raises(SystemExit, match="2"):
            run(monkeypatch, mean_weights, *given)
        assert said in capsys.readouterr().err
    assert load_file(last / "model.safetensors")["w"].tolist() == [2.0, 2.0]
