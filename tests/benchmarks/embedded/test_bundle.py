"""Putting a model into the package."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks.embedded import bundle
from localrank_transformers import bundled


def test_files_are_copied_and_their_sums_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(bundled.__file__).parent
    shutil.copytree(package, tmp_path / "package")
    shutil.copytree(package / "localrank_mini", tmp_path / "model")
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "package" / "__init__.py"))
    monkeypatch.setattr(sys, "argv", ["bundle", str(tmp_path / "model")])

    bundle.main()

    text = (tmp_path / "package" / "__init__.py").read_text()
    before = bundled.SHA256["localrank-mini"]
    assert (tmp_path / "package" / "localrank_mini" / "config.json").read_text() == "{}"
    assert hashlib.sha256(b"{}").hexdigest() in text
    assert before["config.json"] not in text
    assert before["onnx/model_int8.onnx"] in text
