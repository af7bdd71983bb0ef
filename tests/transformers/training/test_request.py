"""A run's arguments survive its interruption; wrong ones are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.preparing import read_prepared, write_prepared
from localrank_transformers.training.request import (
    MiningSettings,
    StudentShape,
    TrainRequest,
    TrainSettings,
    load_request,
    save_request,
)


def test_a_request_is_read_as_it_was_written(tmp_path: Path) -> None:
    request = TrainRequest(
        data=(Path("a.jsonl"),),
        out=tmp_path,
        student=StudentShape(2, 128),
        mining=MiningSettings(count=3),
        settings=TrainSettings(loss="bce", steps=7),
    )
    save_request(request, tmp_path)
    assert load_request(tmp_path) == request


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="holds no run"):
        load_request(tmp_path)


def test_prepared_lists_are_read_as_they_were_written(tmp_path: Path) -> None:
    train = [TrainingList("q", ("a", "b"), None, (1.0, 2.0), "MIT"), TrainingList("ü", ("c",), (1.0,))]
    write_prepared(tmp_path, train, train[1:])
    assert read_prepared(tmp_path) == (train, train[1:])


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": "hinge"},
        {"list_size": 1},
        {"epochs": 0},
        {"hard": 1.5},
        {"device": "tpu"},
        {"steps": 0},
        {"steps": True},
        {"hard": 0.5, "loss": "bce"},
        {"bce": 0.5, "loss": "distill"},
        {"temperature": 2.0, "loss": "listwise-ce"},
        {"epochs": 2.0, "steps": 7},
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(wrong))):
        TrainSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"teacher": "mini", "settings": TrainSettings(loss="lambda")}, "teacher is 'mini'.*labels alone"),
        ({"dev": (Path("d.jsonl"),), "dev_share": 0.2}, "dev_share is 0.2, and dev names"),
    ],
)
def test_what_a_run_would_not_look_at_is_refused(tmp_path: Path, wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        TrainRequest((Path("a.jsonl"),), tmp_path, **wrong)


def test_numbers_of_numpy_are_read_as_they_were_given(tmp_path: Path) -> None:
    request = TrainRequest(
        data=(Path("a.jsonl"),),
        out=tmp_path,
        student=StudentShape(np.int64(2), np.int32(128)),
        mining=MiningSettings(count=np.int64(3), skip_first=np.int64(1)),
        settings=TrainSettings(steps=np.int64(7), seed=np.int64(5)),
    )
    save_request(request, tmp_path)
    assert load_request(tmp_path) == request
