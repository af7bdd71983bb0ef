"""`localrank models optimize` writes a folder that ranks, and says how well int8 agrees."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.optimize_command import optimize_model
from tests.support import tiny_encoders


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
    assert "over 4 lists: Spearman" in result.stdout
    assert len(rerank_sync(OnnxReranker(out, precision="int8"), "what", ["the", "rag"])) == 2


def test_without_calibration_it_says_so(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    result = CliRunner().invoke(optimize_model, [str(folder)])
    assert result.exit_code == 0
    assert "--calibrate" in result.stderr


def test_what_cannot_be_optimized_is_one_line(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    (folder / "model.safetensors").write_bytes(b"broken")
    result = CliRunner().invoke(optimize_model, [str(folder)])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: model.safetensors")
