from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from localrank_transformers.models import bundled
from tests.support.loopback_hub import LoopbackHub
from tests.support.shell import models

MINI = "cross-encoder/ms-marco-MiniLM-L6-v2"
ETTIN = "cross-encoder/ettin-reranker-17m-v1"


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    """A repository laid out as the catalogue says, with the embedded graph in the place of fp32."""
    folder = tmp_path / "mini"
    shutil.copytree(Path(bundled.__file__).parent / "localrank_mini", folder)
    (folder / "onnx/model_int8.onnx").rename(folder / "onnx/model.onnx")
    return folder


def test_a_model_is_fetched_by_its_alias_and_path_finds_it(
    hub: LoopbackHub, mini: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = hub.add(MINI, mini)
    code, out, _ = models(capsys, "pull", "mini", "--precision", "fp32")

    assert code == 0
    assert Path(out.strip()).name == commit
    assert (Path(out.strip()) / "onnx/model.onnx").stat().st_size == (mini / "onnx/model.onnx").stat().st_size
    assert models(capsys, "path", "mini") == (0, out, "")


def test_a_second_pull_needs_no_connection(
    hub: LoopbackHub, mini: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add(MINI, mini)
    first = models(capsys, "pull", "mini")
    before = hub.connections

    assert models(capsys, "pull", "mini") == first
    assert hub.connections == before


def test_update_takes_the_newest_commit(
    hub: LoopbackHub, mini: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add(MINI, mini)
    _, old, _ = models(capsys, "pull", "mini")
    (mini / "new.txt").write_text("new")
    newest = hub.add(MINI, mini)

    assert models(capsys, "pull", "mini")[1] == old
    assert Path(models(capsys, "pull", "mini", "--update")[1].strip()).name == newest


def test_a_model_that_only_torch_runs_gets_the_files_for_torch(
    hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"config.json": b"{}", "tokenizer.json": b"{}", "pytorch_model.bin": b"pickle"}
    hub.add(ETTIN, files)
    code, _, err = models(capsys, "pull", "ettin-17m")

    assert code == 4
    assert "has no model.safetensors" in err
    assert "pytorch_model.bin" not in hub.asked("storage")


def test_another_repository_of_known_weights_is_fetched_for_what_it_holds(
    hub: LoopbackHub, mini: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add("onnx-community/bge-reranker-v2-m3-ONNX", mini)
    code, out, _ = models(capsys, "pull", "onnx-community/bge-reranker-v2-m3-ONNX")

    assert code == 0
    assert (Path(out.strip()) / "onnx/model.onnx").is_file()


def test_a_model_that_nothing_runs_is_not_fetched(
    hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = models(capsys, "pull", "jina-v3")

    assert code == 4
    assert "No engine here can run jina-v3" in err
    assert hub.connections == 0


def test_an_embedded_model_needs_no_fetching(hub: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(capsys, "pull", "localrank-mini") == (0, "", "localrank: localrank-mini is embedded.\n")
    assert hub.connections == 0


def test_an_unknown_repository_is_one_line_and_code_4(
    hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = models(capsys, "pull", "no-one/nothing")

    assert (code, out) == (4, "")
    assert "no-one/nothing" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["pull", "show"])
def test_a_folder_without_a_model_is_no_model(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = models(capsys, command, str(tmp_path))

    assert (code, out) == (4, "")
    assert "config.json" in err


def test_a_folder_with_a_model_is_where_it_lies(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(capsys, "pull", str(mini))[:2] == (0, f"{mini}\n")


@pytest.mark.parametrize("arguments", [(ETTIN, "--for", "torch"), (ETTIN,)])
def test_a_precision_of_what_torch_runs_is_refused_before_anything_is_fetched(
    hub: LoopbackHub, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, err = models(capsys, "pull", *arguments, "--precision", "int8")
    assert (code, out, hub.connections) == (2, "", 0)
    assert "--precision int8 chooses an ONNX file" in err
