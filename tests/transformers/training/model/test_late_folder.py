"""The folder of a late-interaction model: what proves it, and the two numbers of its score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.exported import LateLogit
from localrank_transformers.training.model.late_folder import (
    is_late_folder,
    read_head,
    write_head,
    write_layout,
)


def write(folder: Path, name: str, content: Any) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "config.json", {"architectures": ["BertModel"], "hidden_size": 8})
    return tmp_path


def test_an_encoder_alone_is_none(folder: Path) -> None:
    assert not is_late_folder(folder)


def test_the_layout_proves_it(folder: Path) -> None:
    write_layout(folder)
    assert is_late_folder(folder)


def test_one_with_a_projection_is_none_of_ours(folder: Path) -> None:
    write_layout(folder)
    modules = json.loads((folder / "modules.json").read_text())
    write(folder, "modules.json", [*modules, {"idx": 3, "name": "3", "path": "3_Dense", "type": "a.Dense"}])
    write(folder, "3_Dense/config.json", {"out_features": 4})
    assert not is_late_folder(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("config_sentence_transformers.json", {"prompts": {"query": "ask: ", "document": ""}}),
        ("1_MultiVectorMask/config.json", {"skiplist_words": ["."]}),
        ("sentence_bert_config.json", {"query_expansion": {"strategy": "fixed", "length": 32}}),
    ],
)
def test_what_training_would_not_do_is_refused(folder: Path, name: str, change: dict[str, Any]) -> None:
    write_layout(folder)
    write(folder, name, json.loads((folder / name).read_text()) | change)
    with pytest.raises(ModelLoadError, match="markers, lengths, fillings or tokens to skip"):
        is_late_folder(folder)


@pytest.mark.parametrize("by_length", [False, True])
def test_a_logit_is_read_as_it_was_written(folder: Path, by_length: bool) -> None:
    logit = LateLogit(24.5, -14.0625, "sigmoid", by_length)
    write_head(folder, logit)
    assert read_head(folder) == logit


def test_a_folder_that_states_no_scale_begins_with_one_that_reads_as_a_probability(folder: Path) -> None:
    first = read_head(folder)
    assert first.scale * 0.3 + first.bias < -5
    assert first.scale * 0.9 + first.bias > 5


def test_a_folder_that_states_weights_alone_begins_with_the_same_scale(folder: Path) -> None:
    write(
        folder,
        "localrank.json",
        {"format": 1, "family": "late-interaction", "settings": {"query_weights": "length"}},
    )
    assert read_head(folder) == LateLogit(25.0, -15.0, "sigmoid", by_length=True)


def test_a_scale_that_would_turn_the_order_is_refused(folder: Path) -> None:
    write_head(folder, LateLogit(-1.0, 0.0))
    with pytest.raises(ModelLoadError, match=r"scale -1\.0"):
        read_head(folder)
