"""Putting a model into the package."""

from __future__ import annotations

import hashlib
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from benchmarks.embedded.shipping import bundle
from localrank_transformers.models import bundled


@pytest.mark.parametrize("name", ["localrank-mini", "localrank-new"])
def test_files_are_copied_and_their_sums_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    package = Path(bundled.__file__).parent
    shutil.copytree(package, tmp_path / "package")
    shutil.copytree(package / "localrank_mini", tmp_path / "model")
    (tmp_path / "model" / "config.json").write_text("{}")
    tokenizer = Tokenizer.from_file(str(tmp_path / "model/tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.enable_padding(length=128)
    tokenizer.save(str(tmp_path / "model/tokenizer.json"))
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "package" / "__init__.py"))
    monkeypatch.setattr(sys, "argv", ["bundle", str(tmp_path / "model"), "--name", name])

    bundle.main()

    written = runpy.run_path(str(tmp_path / "package" / "__init__.py"))["SHA256"]
    folder, before = name.replace("-", "_"), bundled.SHA256["localrank-mini"]
    assert (tmp_path / "package" / folder / "config.json").read_text() == "{}"
    assert (tmp_path / "package" / folder / "onnx/model_int8.json").is_file()
    assert written == {**bundled.SHA256, name: {**before, "config.json": hashlib.sha256(b"{}").hexdigest()}}
