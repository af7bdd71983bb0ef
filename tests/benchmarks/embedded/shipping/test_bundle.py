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
from localrank_transformers.models.bundled.separate import EXTRAS


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


def test_a_package_of_its_own_has_its_code_where_files_are_put() -> None:
    for name in EXTRAS:
        module = name.replace("-", "_")
        assert (bundle.PACKAGES / module / module / "__init__.py").is_file()


def test_a_model_of_a_package_of_its_own_goes_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = EXTRAS
    place = tmp_path / name.replace("-", "_") / name.replace("-", "_")
    place.mkdir(parents=True)
    (place / "__init__.py").write_text('"""What it is."""\n\nSHA256: dict[str, str] = {\n    "a": "b",\n}\n')
    monkeypatch.setattr(bundle, "PACKAGES", tmp_path)
    model = Path(bundled.__file__).parent / "localrank_mini"
    monkeypatch.setattr(sys, "argv", ["bundle", str(model), "--name", name])

    bundle.main()

    assert runpy.run_path(str(place / "__init__.py"))["SHA256"] == bundled.SHA256["localrank-mini"]
    assert (place / "onnx/model_int8.onnx").read_bytes() == (model / "onnx/model_int8.onnx").read_bytes()
