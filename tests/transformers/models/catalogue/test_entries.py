from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from localrank_transformers import OnnxReranker
from localrank_transformers.models import bundled
from localrank_transformers.models.bundled.separate import EXTRAS
from localrank_transformers.models.catalogue.entries import (
    Activation,
    CatalogueEntry,
    Verified,
    entries,
    known_names,
    lookup,
)
from localrank_transformers.models.folder.exported import FamilyName

WANTED = """
tiny mini mini-2 mini-4 mini-12 bge-base bge-large bge-v2-m3 bge-v2-gemma bge-v2-minicpm jina-v1-tiny jina-v1-turbo jina-v2
jina-v3 mxbai-xsmall mxbai-base mxbai-large mxbai-base-v2 mxbai-large-v2 gte-modernbert gte-multilingual granite-r2 ettin-17m
ettin-32m ettin-68m ettin-150m ettin-400m ettin-1b qwen3-0.6b qwen3-4b qwen3-8b mmarco-mini monot5-small monot5-base
monot5-large monot5-3b rankt5-base listt5-base listt5-3b rank-vicuna rank-zephyr answerai-colbert-small
"""


@pytest.mark.parametrize("name", WANTED.split())
def test_every_promised_model_is_known(name: str) -> None:
    found = lookup(name)

    assert found is not None
    assert found.name == name
    assert found.hub_id is not None
    assert found.hub_id.count("/") == 1


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("mini", "mini"),
        (" MiniLM ", "mini"),
        ("cross-encoder/ms-marco-MiniLM-L6-v2", "mini"),
        ("cross-encoder/ms-marco-MiniLM-L-6-v2", "mini"),
        ("xenova/ms-marco-minilm-l-6-v2", "mini"),
        ("Xenova/ms-marco-MiniLM-L-12-v2", "mini-12"),
        ("Xenova/bge-reranker-base", "bge-base"),
        ("BAAI/bge-reranker-v2-m3", "bge-v2-m3"),
        ("bge-reranker-v2-m3", "bge-v2-m3"),
        ("localrank-mini", "localrank-mini"),
    ],
)
def test_a_model_is_found_by_every_name_people_use(name: str, entry: str) -> None:
    found = lookup(name)

    assert found is not None
    assert found.name == entry


def test_an_unknown_name_is_none() -> None:
    assert lookup("no-such-model") is None
    assert lookup("") is None


def test_no_name_means_two_models() -> None:
    names = [name.lower() for entry in entries() for name in entry.all_names]

    assert len(names) == len(set(names))
    assert sorted(names) == sorted(name.lower() for name in known_names())


def test_the_embedded_models_are_those_of_the_package_and_come_first() -> None:
    embedded = [entry for entry in entries() if entry.bundled is not None]

    assert [entry.name for entry in embedded] == list(bundled.LANGUAGES)
    assert [entry.name for entry in embedded if entry.name not in EXTRAS] == bundled.bundled_names()
    assert list(entries()[: len(embedded)]) == embedded
    assert all(entry.onnx_files == {"int8": "onnx/model_int8.onnx"} for entry in embedded)
    assert [entry.bundled for entry in embedded] == [entry.name.replace("-", "_") for entry in embedded]


def test_the_embedded_model_is_described_as_its_files_say() -> None:
    entry = entries()[0]
    config = json.loads(bundled.read_file(entry.name, "config.json"))

    assert entry.max_length == config["max_position_embeddings"]
    assert entry.family == json.loads(bundled.read_file(entry.name, "localrank.json"))["family"]
    assert (entry.activation, OnnxReranker(entry.name).score_kind) == ("sigmoid", "probability")


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_an_entry_is_consistent(entry: CatalogueEntry) -> None:
    assert entry.family in get_args(FamilyName)
    assert entry.activation in (*get_args(Activation), None)
    assert (entry.activation is None) <= (entry.family == "listwise")
    assert entry.max_length is None or (entry.default_length or 0) <= entry.max_length
    assert set(entry.engines) <= {"onnx", "torch"}
    assert set(entry.engines).isdisjoint(entry.engine_notes)
    assert set(entry.engines) | set(entry.engine_notes) == {"onnx", "torch"}, "an engine without a reason"
    assert ("onnx" in entry.engines) <= bool(entry.onnx_files)
    assert all(path.endswith(".onnx") for path in entry.onnx_files.values())
    assert entry.licence is not None or entry.commercial is None
    assert entry.commercial is False if "-NC-" in (entry.licence or "") else True
    assert entry.verified in get_args(Verified)
    assert entry.instruction == (entry.template == "qwen3"), "the one prompt that has a place for it"
    assert (entry.verified == "no") or entry.engines
    assert all(0 < one.value < 100 and one.source for one in entry.quality)


def test_an_entry_cannot_be_changed() -> None:
    entry = entries()[0]

    with pytest.raises(FrozenInstanceError):
        entry.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        entry.onnx_files["fp32"] = "x"  # type: ignore[index]


def test_importing_the_catalogue_reads_no_data_and_loads_no_engine() -> None:
    code = (
        "import sys, localrank_transformers.models.catalogue.entries as c; print(c._read.cache_info().currsize, "
        "[m for m in ('numpy', 'onnxruntime', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=30)

    assert done.stdout.decode().strip() == "0 []"
