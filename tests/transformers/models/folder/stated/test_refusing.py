"""What a folder asks for and nothing here does is refused, by file, key and value."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localrank import ModelLoadError, RerankError, rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.models.folder.settings_files import read_torch_files
from localrank_transformers.models.folder.stated.keys import ANY, KEYS, Key
from localrank_transformers.models.folder.stated.pairs import positive_label
from localrank_transformers.models.folder.stated.settings import Settings
from tests.support import tiny_encoders, tiny_models

REFUSED = [(key, name) for key in KEYS if key.verdict == "refused" for name in key.names]
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.Transformer"},
    *(
        {
            "idx": place,
            "name": str(place),
            "path": f"{place}_{kind}",
            "type": f"sentence_transformers.x.{kind}",
        }
        for place, kind in enumerate(("Pooling", "Dense", "LayerNorm", "MultiVectorMask", "Dense"), 1)
    ),
]


def put(folder: Path, name: str, change: dict[str, Any]) -> None:
    place = folder / name
    place.parent.mkdir(exist_ok=True)
    content = json.loads(place.read_text()) if place.is_file() else {}
    place.write_text(json.dumps(content | change))


def of_modules(folder: Path) -> Path:
    """Make of a folder one of sentence-transformers."""
    tiny_models.build(folder)
    (folder / "modules.json").write_text(json.dumps(MODULES))
    put(folder, "config_sentence_transformers.json", {"model_type": "CrossEncoder"})
    return folder


def load(folder: Path) -> None:
    rerank_sync(OnnxReranker(folder), "what is rag", ["a city"], max_retries=0)


@pytest.mark.parametrize(("key", "name"), REFUSED, ids=[f"{key.file}-{name}" for key, name in REFUSED])
def test_a_refused_key_is_named_with_its_file(tmp_path: Path, key: Key, name: str) -> None:
    folder = of_modules(tmp_path / "m")
    if key.file == "modules.json":
        file, said = "modules.json", "modules.json, entry 0"
        (folder / file).write_text(json.dumps([MODULES[0] | {name: ["x"]}, *MODULES[1:]]))
    else:
        kind = key.file.removeprefix(f"{ANY}_").partition("/")[0]
        file = next((f"{one['path']}/config.json" for one in MODULES if kind in str(one["path"])), key.file)
        said = file
        put(folder, file, {name: "anything"})
    reader = read_torch_files if name == "quantization_config" else load
    with pytest.raises(ModelLoadError) as caught:
        reader(folder)
    assert f"{said}: {name} is " in str(caught.value)


@pytest.mark.parametrize(("key", "name"), REFUSED, ids=[f"{key.file}-{name}" for key, name in REFUSED])
def test_a_refused_key_may_say_what_is_done_anyway(tmp_path: Path, key: Key, name: str) -> None:
    for place, value in enumerate((None, *key.neutral)):
        folder = of_modules(tmp_path / str(place))
        if key.file == "modules.json":
            (folder / key.file).write_text(json.dumps([MODULES[0] | {name: value}, *MODULES[1:]]))
        elif not key.file.startswith(ANY):
            put(folder, key.file, {name: value})
        load(folder)


def test_weights_that_a_graph_has_built_in_are_no_hindrance_to_it(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    put(folder, "config.json", {"quantization_config": {"quant_method": "x"}})
    load(folder)


def test_a_cross_encoder_that_reads_its_pairs_through_a_chat_template_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    (folder / "chat_template.jinja").write_text("{% if message['role'] == 'document' %}x{% endif %}")
    with pytest.raises(ModelLoadError, match="chat_template has a role 'document'"):
        load(folder)


def test_a_default_prompt_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = of_modules(tmp_path / "m")
    put(folder, "config_sentence_transformers.json", {"default_prompt_name": "q", "prompts": {"p": "x"}})
    with pytest.raises(
        ModelLoadError, match="default_prompt_name is 'q', not one of its prompts, which are p"
    ):
        load(folder)


def test_a_normalizer_that_contradicts_the_configuration_is_told(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    put(folder, "tokenizer_config.json", {"tokenizer_class": "DebertaV2Tokenizer", "do_lower_case": True})
    with pytest.raises(ModelLoadError, match="do_lower_case is True, but the normalizer"):
        load(folder)


@pytest.mark.parametrize(
    ("names", "positive"),
    [
        ({"0": "not_relevant", "1": "relevant"}, 1),
        ({"0": "relevant", "1": "not_relevant"}, 0),
        ({"0": "Relevant", "1": "Irrelevant"}, 0),
        ({"0": "positive", "1": "negative"}, 0),
        ({"0": "NEG", "1": "POS"}, 1),
        ({"0": "entailment", "1": "contradiction"}, 0),
        ({"0": "non-relevant", "1": "relevant"}, 1),
        ({"0": "true", "1": "false"}, 0),
        ({"0": "yes", "1": "no"}, 0),
        ({"0": "duplicate", "1": "not duplicate"}, 0),
        ({"0": "unrelated", "1": "related"}, 1),
        ({"0": "LABEL_0", "1": "LABEL_1"}, 1),
        ({"0": "LABEL_1", "1": "LABEL_0"}, 0),
        ({"1": "LABEL_1", "0": "LABEL_0"}, 1),
        ({"0": "0", "1": "1"}, 1),
        ({"0": "1", "1": "0"}, 0),
        ({"0": "answer", "1": "something"}, 0),
    ],
)
def test_the_positive_label_is_known_by_name(names: dict[str, str], positive: int) -> None:
    assert positive_label(Settings({"id2label": names})) == positive


@pytest.mark.parametrize(
    "names", [{"0": "spam", "1": "ham"}, {"0": "good", "1": "relevant"}, {"0": "a", "2": "b"}]
)
def test_labels_that_do_not_tell_are_refused(tmp_path: Path, names: dict[str, str]) -> None:
    folder = tiny_models.build(tmp_path / "m", labels=2, config={"id2label": names})
    with pytest.raises(ModelLoadError, match=r"config\.json: id2label is "):
        load(folder)


# --- what a file may not be


def pointer(place: Path) -> str:
    place.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    return "a pointer of Git LFS"


def web_page(place: Path) -> str:
    place.write_text("\n<!DOCTYPE html><html>Sign in</html>")
    return "a web page"


def nothing(place: Path) -> str:
    place.write_bytes(b"")
    return "empty"


def archive(place: Path) -> str:
    place.write_bytes(b"PK\x03\x04" + bytes(60))
    return "a zip archive"


@pytest.mark.parametrize("make", [pointer, web_page, nothing, archive])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "onnx/model.onnx", "model.safetensors"])
def test_a_file_that_is_no_model_is_called_what_it_is(
    tmp_path: Path, name: str, make: Callable[[Path], str]
) -> None:
    folder = tiny_models.build(tmp_path / "m")
    if name == "model.safetensors":
        tiny_encoders.build(folder, "bert")
    what = make(folder / name)
    with pytest.raises(ModelLoadError, match=f"it is {what}"):
        read_torch_files(folder) if name == "model.safetensors" else load(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes among files")
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "modules.json",
        "onnx/model.onnx",
        "localrank.json",
    ],
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    folder = tiny_models.build(tmp_path / "m")
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(ModelLoadError, match=rf"{name} in .* is a pipe, a socket or a device"):
        load(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a permission there")
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model.onnx"]
)
def test_a_link_out_of_the_folder_is_refused_and_one_of_the_hub_cache_is_not(
    tmp_path: Path, name: str
) -> None:
    source = tiny_models.build(tmp_path / "m")
    snapshot = tmp_path / "models--a--b/snapshots/0123"
    shutil.copytree(source, snapshot)
    (tmp_path / "models--a--b/blobs").mkdir()
    (snapshot / name).rename(tmp_path / "models--a--b/blobs/content")
    (snapshot / name).symlink_to(tmp_path / "models--a--b/blobs/content")
    load(snapshot)
    (tmp_path / "linked").symlink_to(snapshot)
    load(tmp_path / "linked")

    (source / name).rename(tmp_path / "elsewhere")
    (source / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelLoadError, match="is a link that leaves"):
        load(source)


def test_a_module_outside_the_folder_is_refused(tmp_path: Path) -> None:
    folder = of_modules(tmp_path / "m")
    (folder / "modules.json").write_text(json.dumps([MODULES[0] | {"path": "../other"}, *MODULES[1:]]))
    with pytest.raises(ModelLoadError, match="no plain path inside its folder"):
        load(folder)


def test_a_folder_without_a_graph_says_both_ways_out(tmp_path: Path) -> None:
    tiny_encoders.build(tmp_path / "m", "bert")
    with pytest.raises(ModelLoadError, match=r"TorchReranker\('.*localrank models optimize"):
        load(tmp_path / "m")


@pytest.mark.parametrize("seed_value", [10**400, -1, 1.5, "x", [], {}, True])
def test_a_number_of_another_kind_is_told(tmp_path: Path, seed_value: Any) -> None:
    folder = tiny_models.build(tmp_path / "m")
    put(folder, "config.json", {"pad_token_id": seed_value})
    with pytest.raises(RerankError, match=r"config\.json: pad_token_id is "):
        load(folder)
