"""What a local model says it reads, and its one warning where a text is in another language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localrank import rerank, rerank_sync
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.models import bundled
from localrank_transformers.models.catalogue.entries import lookup
from tests.support import tiny_models

pytestmark = pytest.mark.anyio

GERMAN = "Wie viele Punkte gab die Verteidigung der Panthers ab?"
ENGLISH = "How many points did the defense give up?"
DOCUMENTS = ["The defense gave up 308 points.", "He was born in the town."]


@pytest.fixture
def embedded() -> Iterator[OnnxReranker]:
    with OnnxReranker() as model:
        rerank_sync(model, ENGLISH, DOCUMENTS)  # what ONNX Runtime does to int8 is said once
        yield model


def test_an_embedded_model_reads_what_the_catalogue_says() -> None:
    for name, languages in bundled.LANGUAGES.items():
        entry = lookup(name)
        assert entry is not None
        assert languages == entry.languages
    assert OnnxReranker().languages == ("en",)


def test_a_known_model_reads_what_the_catalogue_says() -> None:
    assert OnnxReranker("mmarco-mini").languages[:2] == ("ar", "de")
    assert OnnxReranker("someone/unknown-model").languages == ()


def test_a_known_model_on_torch_reads_what_the_catalogue_says() -> None:
    pytest.importorskip("torch")

    assert TorchReranker("bge-v2-m3").languages == ("multilingual",)


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: de\nlicense: mit\n---\n# A model\n", ("de",)),
        ("---\nlicense: mit\nlanguage:\n- en\n- de # and more\n---\n", ("en", "de")),
        ('---\nlanguage: [en, "zh"]\n---\n', ("en", "zh")),
        ("---\r\nlanguage:\r\n  - multilingual\r\n---\r\n", ("multilingual",)),
        ("---\nlanguage: English\n---\n", ()),
        ("---\nlicense: mit\n---\nlanguage: de\n", ()),
        ("# A model\nlanguage: de\n", ()),
        ("", ()),
    ],
)
def test_a_folder_reads_what_its_card_states(tmp_path: Path, card: str, languages: tuple[str, ...]) -> None:
    (tmp_path / "README.md").write_bytes(card.encode())
    assert OnnxReranker(tmp_path).languages == languages


def test_a_folder_without_a_card_states_nothing(tmp_path: Path) -> None:
    assert OnnxReranker(tmp_path).languages == ()


async def test_a_query_in_another_language_gets_one_warning_that_names_a_model(
    embedded: OnnxReranker,
) -> None:
    result = await rerank(embedded, GERMAN, DOCUMENTS)
    (warning,) = result.warnings
    assert (warning.type, warning.feature) == ("unread_language", "query")
    assert "German, which localrank-mini does not read" in warning.message
    assert "Take the model 'localrank-multilingual', which does." in warning.message
    assert "Punkte" not in warning.message


async def test_documents_in_another_language_get_the_warning_where_the_query_is_read(
    embedded: OnnxReranker,
) -> None:
    result = await rerank(
        embedded, ENGLISH, ["Команда пропустила мало очков.", "Он родился в городе.", DOCUMENTS[0]]
    )
    (warning,) = result.warnings
    assert (warning.type, warning.feature) == ("unread_language", "documents")


async def test_of_a_long_list_a_few_documents_spread_over_it_are_looked_at(embedded: OnnxReranker) -> None:
    foreign, english = "Команда пропустила мало очков.", DOCUMENTS[0]
    mostly = [foreign] * 40 + [english] * 11
    assert [one.type for one in (await rerank(embedded, ENGLISH, mostly)).warnings] == ["unread_language"]
    assert (await rerank(embedded, ENGLISH, [foreign] * 11 + [english] * 40)).warnings == ()


async def test_english_gets_no_warning(embedded: OnnxReranker) -> None:
    assert (await rerank(embedded, ENGLISH, DOCUMENTS)).warnings == ()


async def test_a_folder_warns_by_its_card_and_says_nothing_without_one(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    assert (await rerank(OnnxReranker(folder), GERMAN, DOCUMENTS)).warnings == ()
    (folder / "README.md").write_text("---\nlanguage: en\n---\n", "utf-8")
    assert [one.type for one in (await rerank(OnnxReranker(folder), GERMAN, DOCUMENTS)).warnings] == [
        "unread_language"
    ]
