"""Settings of `TorchReranker` are checked before anything is loaded; without torch it says how to install it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank import InvalidRequestError, MissingDependencyError
from localrank_transformers import TorchReranker
from localrank_transformers.engines.torch import settings as torch_settings
from localrank_transformers.engines.torch.settings import Listwise, TorchSettings


def test_without_torch_the_install_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        torch_settings, "find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    with pytest.raises(MissingDependencyError, match=r'torch.*pip install "localrank\[torch\]"'):
        TorchReranker(tmp_path)


def test_an_older_transformers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_settings, "find_spec", lambda name: object())
    monkeypatch.setattr(torch_settings, "version", lambda name: "4.57.1")
    with pytest.raises(MissingDependencyError, match=r"transformers 5.*4\.57\.1"):
        TorchReranker(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"device": "tpu"},
        {"dtype": "int8"},
        {"attention": "fast"},
        {"activation": "softmax"},
        {"family": "bi-encoder"},
        {"max_length": 0},
        {"batch_tokens": True},
        {"layer": -1},
    ],
)
def test_a_setting_without_meaning_is_refused_by_name(change: dict[str, Any]) -> None:
    [name] = change
    with pytest.raises(InvalidRequestError, match=name):
        TorchSettings(**change)


def test_windows_may_be_numbers_of_numpy() -> None:
    assert Listwise(window=np.int64(10), stride=np.int64(5)) == Listwise(window=10, stride=5)
