"""A cache key changes with the weights, and with nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from localrank_transformers import OnnxReranker
from localrank_transformers.models import bundled
from localrank_transformers.models.location import locate
from localrank_transformers.rerankers.base import weights_identity
from tests.support import tiny_models


def test_an_embedded_model_is_known_by_its_sums(monkeypatch) -> None:
    before = weights_identity(locate(None))
    assert before == weights_identity(locate("localrank-mini"))
    sums = bundled.SHA256["localrank-mini"] | {"onnx/model_int8.onnx": "0" * 64}
    monkeypatch.setitem(bundled.SHA256, "localrank-mini", sums)
    assert before != weights_identity(locate(None))


def test_new_weights_in_a_folder_give_another_identity(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    before = weights_identity(locate(folder))
    assert before == weights_identity(locate(str(folder)))
    os.utime(folder / "onnx/model.onnx", ns=(1, 1))
    assert before != weights_identity(locate(folder))


def test_settings_that_change_a_score_change_the_fingerprint(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    made = {
        OnnxReranker(folder, **settings).fingerprint
        for settings in ({}, {"max_length": 32}, {"precision": "int8"}, {"activation": "none"})
    }
    assert len(made) == 4
