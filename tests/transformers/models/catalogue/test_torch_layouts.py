"""Each model of the catalogue as torch loads it, on a loopback hub: what is asked for, and what its files tell.

That is the family, what turns logits into a score, and the window, each as the catalogue says.
"""

from __future__ import annotations

import json

import pytest

from localrank.contract.errors import ModelLoadError
from localrank_transformers import TorchReranker
from localrank_transformers.families.detection import causal_template, detect, is_modular
from localrank_transformers.families.generative.seq2seq import (
    ENCODER_ONLY,
    SEQ2SEQ_TEMPLATES,
    seq2seq_template,
    seq2seq_window,
)
from localrank_transformers.families.generative.templates import TEMPLATES
from localrank_transformers.families.listwise.listt5 import is_listt5
from localrank_transformers.models.catalogue.entries import CatalogueEntry, entries
from localrank_transformers.models.folder.settings_files import SettingsFiles, read_torch_files
from localrank_transformers.models.folder.shape import longest_window, read_shape, window
from localrank_transformers.models.hub.models import fetch_torch_model
from localrank_transformers.models.hub.repository import HubSource
from localrank_transformers.rerankers import torch as torch_reranker
from tests.support.loopback_hub import LoopbackHub
from tests.support.repository_layouts import (
    SHARDED,
    SMALL,
    TELLS_ITS_FAMILY,
    safetensors,
    torch_configuration,
)


def of_torch() -> list[CatalogueEntry]:
    return [entry for entry in entries() if entry.hub_id]


def publish_torch(hub: LoopbackHub, entry: CatalogueEntry) -> list[str]:
    """Publish a model for torch and return the files that are to be asked for."""
    more = ["chat_template.jinja", "generation_config.json"] if entry.family == "causal" else []
    settings = torch_configuration(entry)
    files = {name: settings.get(name, b"{}") for name in [*SMALL, *more]}
    weights = ["model.safetensors"]
    if entry.name in SHARDED:
        weights = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        files["model.safetensors.index.json"] = json.dumps(
            {"weight_map": dict(zip("ab", weights, strict=True))}
        ).encode()
        more.append("model.safetensors.index.json")
    if entry.name.startswith("ettin"):
        modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense")]
        files["modules.json"] = json.dumps(
            [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in modules]
        ).encode()
        files["1_Pooling/config.json"] = files["2_Dense/config.json"] = b"{}"
        more += ["modules.json", "1_Pooling/config.json", "2_Dense/config.json"]
        weights.append("2_Dense/model.safetensors")
    files |= dict.fromkeys(weights, safetensors())
    unwanted = {"pytorch_model.bin": b"x", "onnx/model.onnx": b"x", "README.md": b"x", "modeling.py": b"x"}
    hub.add(str(entry.hub_id), unwanted | files)
    return [*SMALL, *more, *weights]


@pytest.mark.parametrize("entry", of_torch(), ids=lambda entry: entry.name)
def test_torch_gets_what_it_needs_and_nothing_else_and_the_files_tell_family_and_window(
    hub: LoopbackHub, entry: CatalogueEntry
) -> None:
    wanted = publish_torch(hub, entry)
    folder = fetch_torch_model(HubSource(str(entry.hub_id))).folder
    assert hub.asked("api") == [entry.hub_id]
    assert sorted(hub.asked("head")) == sorted(wanted)
    assert all((folder / name).is_file() for name in wanted)
    check_family(read_torch_files(folder), entry)


def check_family(files: SettingsFiles, entry: CatalogueEntry) -> None:
    if entry.name == "bge-v2.5-gemma2":
        with pytest.raises(ModelLoadError, match="compresses tokens"):
            detect(files, entry.family)
        return
    modular = entry.name.startswith("ettin")
    assert is_modular(files) == modular
    assert detect(files, entry.family) == entry.family
    if entry.name in TELLS_ITS_FAMILY or modular:
        assert detect(files, None) == entry.family
    else:
        with pytest.raises(ModelLoadError, match=r"does not tell which kind.*family="):
            detect(files, None)


@pytest.mark.parametrize(
    "entry", [entry for entry in of_torch() if "torch" in entry.engines], ids=lambda entry: entry.name
)
def test_the_files_come_to_the_activation_and_the_windows_of_the_catalogue(
    hub: LoopbackHub, entry: CatalogueEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_torch(hub, entry)
    files = read_torch_files(fetch_torch_model(HubSource(str(entry.hub_id))).folder)
    monkeypatch.setattr(torch_reranker, "require_packages", lambda: None)
    kinds = {"sigmoid": "probability", "softmax": "probability", "none": "logit", None: "ordinal"}

    assert entry.activation == activation(files, entry)
    assert TorchReranker(entry.name).score_kind == kinds[entry.activation]
    assert entry.default_length == default_window(files, entry)
    if entry.max_length is not None:
        assert longest(files, entry) >= entry.max_length


def activation(files: SettingsFiles, entry: CatalogueEntry) -> str | None:
    """One logit has a sigmoid, two have a softmax, a cosine has neither, and an order has no score."""
    if entry.family == "causal":
        return "softmax" if TEMPLATES[causal_template(files, entry.template)].negative else "sigmoid"
    if entry.family == "seq2seq":
        name = seq2seq_template(files, entry.template)
        return "softmax" if name != ENCODER_ONLY and SEQ2SEQ_TEMPLATES[name].negative else "sigmoid"
    if entry.family == "cross-encoder":
        return {1: "sigmoid", 2: "softmax"}[read_shape(files.config, files.tokenizer_config).labels]
    return "none" if entry.family == "late-interaction" else None


def longest(files: SettingsFiles, entry: CatalogueEntry) -> int:
    """T5's positions are relative, so its files state no limit of the weights."""
    is_t5 = entry.family == "seq2seq" or is_listt5(files, entry.template)
    return seq2seq_window(8_192, None) if is_t5 else longest_window(files.config, files.tokenizer_config)


def default_window(files: SettingsFiles, entry: CatalogueEntry) -> int:
    """What `TorchReranker(entry.name)` reads of a pair or prompt."""
    if entry.family == "seq2seq" or is_listt5(files, entry.template):
        return seq2seq_window(None, entry.default_length)
    longest = longest_window(files.config, files.tokenizer_config)
    return window(longest, None, entry.default_length)


def test_pickled_weights_are_refused_by_name(hub: LoopbackHub) -> None:
    hub.add("some-one/old", {"config.json": b"{}", "tokenizer.json": b"{}", "pytorch_model.bin": b"x"})
    with pytest.raises(ModelLoadError, match=r"only pytorch_model\.bin, a pickle"):
        fetch_torch_model(HubSource("some-one/old"))
    assert "pytorch_model.bin" not in hub.asked()


@pytest.mark.parametrize("shard", ["../evil.safetensors", "/etc/x.safetensors", "pytorch_model-1.bin"])
def test_an_index_that_names_a_foreign_shard_is_refused(hub: LoopbackHub, shard: str) -> None:
    index = json.dumps({"weight_map": {"w": shard}}).encode()
    base = {"config.json": b"{}", "tokenizer.json": b"{}"}
    hub.add("some-one/evil", {**base, "model.safetensors.index.json": index})
    with pytest.raises(ModelLoadError, match=r"no plain path|can run any code"):
        fetch_torch_model(HubSource("some-one/evil"))
