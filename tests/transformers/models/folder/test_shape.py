"""The declared activation is read under its key of today, of before, and of modular models."""

from __future__ import annotations

import pytest

from localrank_transformers.models.folder.shape import declared_activation

IDENTITY = "torch.nn.modules.linear.Identity"


@pytest.mark.parametrize(
    ("config", "modular"),
    [
        ({"sentence_transformers": {"activation_fn": IDENTITY}}, {}),
        ({"sbert_ce_default_activation_function": IDENTITY}, {}),
        ({}, {"activation_fn": IDENTITY}),
    ],
)
def test_each_place_is_read(config: dict[str, object], modular: dict[str, object]) -> None:
    assert declared_activation(config, modular) == "Identity"


def test_none_is_declared() -> None:
    assert declared_activation({"sentence_transformers": {"version": "6"}}, {}) is None
