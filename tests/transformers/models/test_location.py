from __future__ import annotations

from pathlib import Path

import pytest

from localrank import InvalidRequestError, ModelLoadError, RerankError, UnknownModelError
from localrank_transformers.models.location import locate


@pytest.mark.parametrize("name", ["notes/faq.txt", "./notes/faq.txt"])
def test_a_file_is_no_model_and_not_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes").mkdir()
    Path("notes/faq.txt").write_text("x")

    with pytest.raises(ModelLoadError, match=rf"'{name}' is a file, not a folder with a model"):
        locate(name)


def test_a_file_that_is_called_like_a_known_model_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mini").write_text("x")

    assert locate("mini").hub is not None


@pytest.mark.parametrize("name", ["", " ", "\t"])
def test_an_empty_name_is_not_the_folder_one_is_in(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="names no model"):
        locate(name)


@pytest.mark.parametrize(
    "name", ["/nowhere", "~nobody-of-that-name/x", "C:\\", "C:/models/x", r"\\host\share", "/\x00"]
)
def test_what_begins_as_a_path_is_a_folder_that_is_not_there(name: str) -> None:
    with pytest.raises(ModelLoadError, match="There is no folder"):
        locate(name)


def test_a_name_too_long_for_a_file_is_no_model() -> None:
    with pytest.raises(UnknownModelError) as caught:
        locate("x" * 5000)

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("model", [None, "localrank-tiny", "folder"])
def test_a_revision_of_what_is_not_on_the_hub_is_refused(tmp_path: Path, model: str | None) -> None:
    with pytest.raises(InvalidRequestError, match="revision is 'v1'"):
        locate(str(tmp_path) if model == "folder" else model, revision="v1")


def test_a_query_in_the_place_of_the_model_is_told_what_comes_first() -> None:
    with pytest.raises(UnknownModelError, match="no blanks: the model comes before query and documents"):
        locate("What is the capital of France?")


@pytest.mark.parametrize("name", ["rerank-v3.5", "rerank-2.5"])
def test_a_remote_model_without_its_provider_is_offered_with_it(name: str) -> None:
    with pytest.raises(UnknownModelError, match=rf"Did you mean '\w+:{name}'"):
        locate(name)


def test_the_root_of_the_disk_has_a_name() -> None:
    assert locate("/").model_id == Path("/").resolve().as_posix()


@pytest.mark.parametrize(
    "name",
    [
        "models/typo",
        "Models/typo",
        "./typo",
        "../typo",
        "/typo",
        "here/typo",
        "a/b/c",
        "typo.onnx",
        "owner/model.safetensors",
        "owner/model.gguf",
        r"models\typo",
        r"C:\typo",
        "~nobody-of-that-name/typo",
    ],
)
def test_a_path_that_is_none_is_told_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    with pytest.raises(ModelLoadError, match="There is no folder"):
        locate(name, cache_dir=tmp_path / "cache")


def test_a_folder_of_nearly_that_name_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine/my-reranker").mkdir(parents=True)
    with pytest.raises(ModelLoadError, match=r"Did you mean 'mine/my-reranker'\?"):
        locate("mine/my-rerankr")


def test_a_fetched_repository_is_found_beside_a_folder_called_like_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("owner").mkdir()
    (tmp_path / "cache/models--owner--model").mkdir(parents=True)
    assert locate("owner/model", cache_dir=tmp_path / "cache").hub is not None
    assert locate("other/model", cache_dir=tmp_path / "cache").hub is not None


def test_a_known_model_is_no_path_although_a_folder_is_called_like_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cross-encoder").mkdir()
    assert locate("cross-encoder/ms-marco-TinyBERT-L2-v2").hub is not None


@pytest.mark.parametrize("name", ["x" * 5_000, "x\0y", "x\0/y"])
def test_a_name_that_no_file_system_takes_is_an_error_of_ours(name: str) -> None:
    with pytest.raises(RerankError):
        locate(name)
