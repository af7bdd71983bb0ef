"""`localrank models optimize` writes a folder that ranks, and says how well int8 agrees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.commands.optimize import optimize_model
from localrank_transformers.training.data.calibration import MOST_LISTS, calibration_lists
from tests.support import exported_graphs, loopback_hub, tiny_encoders
from tests.support.shell import localrank
from tests.support.small_collection import write_beir


def test_a_folder_is_written_and_measured(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    lists = tmp_path / "candidates.jsonl"
    lists.write_text(
        "".join(
            json.dumps({"query": f"w{n}", "documents": [f"w{n + k} the" for k in range(6)]}) + "\n"
            for n in range(8)
        )
    )
    out = tmp_path / "out"
    result = CliRunner().invoke(optimize_model, [str(folder), "--out", str(out), "--calibrate", str(lists)])
    assert result.exit_code == 0, result.output
    assert "24 pairs in 4 lists: the lists given" in result.stdout
    assert len(rerank_sync(OnnxReranker(out, precision="int8"), "what", ["the", "rag"])) == 2


def test_without_calibration_it_says_so(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    result = CliRunner().invoke(optimize_model, [str(folder)])
    assert result.exit_code == 0
    assert "--calibrate" in result.stderr
    assert "128 pairs in 8 lists: built-in texts" in result.stdout


def test_a_folder_with_an_exported_graph_only_is_written(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    exported_graphs.write(folder)
    (folder / "model.safetensors").unlink()
    result = CliRunner().invoke(optimize_model, [str(folder)])
    assert result.exit_code == 0, result.output
    assert (folder / "onnx/model_int8.onnx").is_file()
    assert len(rerank_sync(OnnxReranker(folder, precision="int8"), "what", ["the", "rag"])) == 2


def test_a_model_of_the_hub_is_optimized_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: loopback_hub.LoopbackHub
) -> None:
    monkeypatch.setenv("LOCALRANK_CACHE", str(tmp_path / "cache"))
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    exported_graphs.write(folder)
    (folder / "model.safetensors").unlink()
    hub.add("acme/reranker", folder)
    result = CliRunner().invoke(optimize_model, ["acme/reranker"])
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["fp32", "int8"]
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.onnx")}
    assert {"fp32.onnx", "int8.onnx"} == {path.name for path in made}
    with OnnxReranker("acme/reranker", precision="refined") as reranker:
        assert len(rerank_sync(reranker, "what", ["the", "rag"])) == 2
    assert made == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.onnx")}


def test_a_model_of_the_hub_with_float32_only_gives_int8(
    tmp_path: Path, hub: loopback_hub.LoopbackHub
) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    exported_graphs.write(folder)
    hub.add("acme/reranker", folder)
    with OnnxReranker("acme/reranker", precision="int8") as reranker:
        assert len(rerank_sync(reranker, "what", ["the", "rag"])) == 2


def test_an_embedded_model_is_in_this_form_already() -> None:
    result = CliRunner().invoke(optimize_model, ["localrank-mini"])
    assert (result.exit_code, result.stderr) == (
        0,
        "localrank: localrank-mini is embedded, in this form already.\n",
    )


def test_an_embedded_model_is_written_nowhere(tmp_path: Path) -> None:
    result = CliRunner().invoke(optimize_model, ["localrank-mini", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "nothing is written to --out" in result.stderr
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_optimized_is_one_line(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    (folder / "model.safetensors").write_bytes(b"broken")
    done = localrank("models", "optimize", str(folder))
    assert done.code == 4
    assert done.err.splitlines()[-1].startswith("localrank: model.safetensors")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    (tmp_path / "file").write_text("x")
    done = localrank("models", "optimize", str(folder), "--out", str(tmp_path / "file/out"))
    assert done.code == 1
    assert done.err.splitlines()[-1] == f"localrank: {tmp_path / 'file/out/onnx'}: Not a directory."


def test_a_wrong_name_ends_as_in_the_other_commands() -> None:
    for command in (["optimize", "minni"], ["export", "minni", "--out", "never"]):
        done = localrank("models", *command)
        assert (done.code, done.out) == (4, "")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("{", "lists.jsonl:3"), ('{"query": "q"}', "lists.jsonl:3"), ("[" * 100_000, "lists.jsonl:3")],
)
def test_a_wrong_line_to_calibrate_on_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    lists = tmp_path / "lists.jsonl"
    lists.write_text('{"query": "q", "documents": ["a", "b"]}\n' * 2 + line + "\n")
    done = localrank("models", "optimize", str(folder), "--calibrate", str(lists))
    assert done.code == 3
    assert complaint in done.err
    assert "unexpected" not in done.err


@pytest.mark.parametrize("kind", ["answers", "beir"])
def test_whatever_training_reads_calibrates(tmp_path: Path, kind: str) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    data = tmp_path / "faq.jsonl"
    lines = [{"query": f"w{n} the", "positive": f"w{n} of w{n + 1}"} for n in range(8)]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if kind == "beir":
        data = write_beir(tmp_path / "small")
    result = CliRunner().invoke(optimize_model, [str(folder), "--calibrate", str(data)])

    assert result.exit_code == 0, result.output
    assert "the lists given" in result.stdout


def test_a_calibration_that_cannot_be_read_ends_as_in_the_other_commands(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"query": "q", "answer": "a"}\n')
    for name in ("a.jsonl", "none.jsonl", "."):
        done = localrank("models", "optimize", str(tmp_path), "--calibrate", str(tmp_path / name))
        assert (done.code, done.out) == (3, "")
        assert str(tmp_path) in done.err


def test_of_very_many_lists_some_are_drawn(tmp_path: Path) -> None:
    data = tmp_path / "many.jsonl"
    lines = [{"query": f"q{n}", "documents": ["a", f"b{n}"]} for n in range(MOST_LISTS + 5)]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))

    drawn, there = calibration_lists(data)
    assert (len(drawn), there) == (MOST_LISTS, MOST_LISTS + 5)
