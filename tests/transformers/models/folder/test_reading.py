"""Where a folder's graphs are looked for: in it and one folder down, and not for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import ModelLoadError
from localrank_transformers.models.folder import reading


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were listed."""
    listed: list[str] = []
    scandir = reading.os.scandir

    def listing(path: Path) -> object:
        listed.append(str(path))
        return scandir(path)

    monkeypatch.setattr(reading.os, "scandir", listing)
    return listed


def test_a_tree_is_not_walked_through(tmp_path: Path, looked_into: list[str]) -> None:
    (tmp_path / "one" / "two" / "three").mkdir(parents=True)
    (tmp_path / "one" / "two" / "model.onnx").write_bytes(b"")

    with pytest.raises(ModelLoadError, match="it holds no ONNX file"):
        reading.read_folder(tmp_path, "auto")

    assert looked_into == [str(tmp_path), str(tmp_path / "one")]


def test_looking_ends_after_so_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked_into: list[str]
) -> None:
    for number in range(30):
        (tmp_path / f"folder {number}").mkdir()
    monkeypatch.setattr(reading, "_ENTRIES_AT_MOST", 10)

    with pytest.raises(ModelLoadError, match="it holds no ONNX file"):
        reading.read_folder(tmp_path, "auto")

    assert looked_into == [str(tmp_path)]


def test_graphs_one_folder_down_are_named(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model_q4.onnx").write_bytes(b"")
    (tmp_path / "onnx" / "model_q8.onnx").write_bytes(b"")

    with pytest.raises(ModelLoadError, match=r"it holds onnx/model_q4\.onnx, onnx/model_q8\.onnx"):
        reading.read_folder(tmp_path, "fp32")
