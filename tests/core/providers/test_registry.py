"""Names into models: providers of this process, providers of installed packages, near names, folders."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, UnknownModelError, register_provider, rerank_sync, resolve
from localrank.providers import registry
from localrank.testing import MockReranker


@pytest.fixture(autouse=True)
def a_registry_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_factories", {})
    monkeypatch.setattr(registry, "_models", {})


def mock(model_id: str) -> MockReranker:
    return MockReranker(model_id=model_id, provider="house")


def test_a_registered_provider_makes_models_by_name() -> None:
    register_provider("house", mock)

    model = resolve("house:small")

    assert (model.provider, model.model_id) == ("house", "small")


def test_a_name_gives_the_same_object_each_time() -> None:
    register_provider("house", mock)

    assert resolve("house:small") is resolve(" house:small ")
    assert resolve("house:small") is not resolve("house:large")


def test_a_name_gives_one_object_to_many_threads() -> None:
    together = threading.Barrier(8)
    register_provider("house", mock)

    def work(_: int) -> int:
        together.wait(5)
        return id(resolve("house:small"))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(8)))) == 1


def test_an_object_passes_straight_through() -> None:
    model = MockReranker()

    assert resolve(model) is model


def test_the_model_id_keeps_its_own_colons_and_slashes() -> None:
    register_provider("house", mock)

    assert resolve("house:org/name:v2").model_id == "org/name:v2"


def test_registering_again_leaves_the_models_of_others() -> None:
    register_provider("house", mock)
    register_provider("garden", mock)
    kept = resolve("garden:small")

    register_provider("house", mock)

    assert resolve("garden:small") is kept


def test_registering_again_replaces_the_provider_and_its_models() -> None:
    register_provider("house", mock)
    before = resolve("house:small")
    register_provider("house", lambda model_id: MockReranker(model_id=f"new-{model_id}"))

    assert resolve("house:small") is not before
    assert resolve("house:small").model_id == "new-small"


@pytest.mark.parametrize(
    "name",
    ["mini", "org/name", "./folder", "/folder/a:b", "~/folder", r"C:\folder", "C:/folder", r"\\host\share"],
)
def test_a_name_without_a_provider_and_a_folder_mean_onnx(name: str) -> None:
    register_provider("onnx", mock)

    assert resolve(name).model_id == name


@pytest.mark.parametrize("name", ["", "  ", ":", ":x", "house:"])
def test_half_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="model is"):
        resolve(name)


@pytest.mark.parametrize("name", ["cohere", "onnx", "house", " house ", "house:", "house: ", "cohere:"])
def test_a_provider_alone_is_refused_with_the_way_to_name_a_model(name: str) -> None:
    register_provider("house", mock)
    provider = name.strip(": ")

    with pytest.raises(InvalidRequestError, match="a provider without a model") as caught:
        resolve(name)

    assert f'"{provider}:model-id"' in str(caught.value)
    assert (f'"./{provider}"' in str(caught.value)) is (":" not in name)


def test_blanks_around_the_parts_of_a_name_mean_nothing() -> None:
    register_provider("house", mock)

    assert resolve(" house : small ") is resolve("house:small")


def test_an_address_alone_is_no_model() -> None:
    with pytest.raises(UnknownModelError, match="an address names no model by itself"):
        resolve("http://127.0.0.1:8080/rerank")


@pytest.mark.parametrize(
    "name", ["x" * 5000, "x" * 5000 + ":small", "house:" + " " * 5000, "cohere" + " " * 5000]
)
def test_a_message_about_a_name_is_one_short_line(name: str) -> None:
    with pytest.raises((InvalidRequestError, UnknownModelError)) as caught:
        resolve(name)

    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_an_error_lists_a_few_names_and_counts_the_rest() -> None:
    error = registry.unknown_model("colour", "zzz", [f"very-long-name-{number:03}" for number in range(100)])

    assert error.hint is not None
    assert error.hint.startswith("Known: very-long-name-000, ")
    assert len(error.hint) < 160
    assert error.hint.endswith(" and 94 more.")


@pytest.mark.parametrize("name", ["", "a:b"])
def test_a_provider_without_a_usable_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="has no colon and is not empty"):
        register_provider(name, mock)


def test_an_unknown_provider_offers_near_names() -> None:
    with pytest.raises(UnknownModelError, match=r"no provider 'lexicl'. Did you mean 'lexical'"):
        resolve("lexicl:default")


def test_an_unknown_provider_far_from_all_lists_what_there_is() -> None:
    register_provider("a-house", mock)

    with pytest.raises(UnknownModelError, match=r"Known: a-house, .* and \d+ more"):
        resolve("zzzzzz:default")


def test_a_factory_that_gives_no_reranker_is_named() -> None:
    register_provider("house", lambda model_id: object())  # type: ignore[arg-type,return-value]

    with pytest.raises(InvalidRequestError, match="no string member 'model_id'"):
        resolve("house:small")


def test_a_factory_that_fails_is_asked_again() -> None:
    answers: list[Any] = [RuntimeError("not yet"), MockReranker()]

    def factory(model_id: str) -> MockReranker:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    register_provider("house", factory)
    with pytest.raises(RuntimeError, match="not yet"):
        resolve("house:small")

    assert isinstance(resolve("house:small"), MockReranker)


def test_rerank_takes_a_name() -> None:
    register_provider("house", mock)

    assert rerank_sync("house:small", "q", ["a"]).response.model_id == "small"


def test_a_provider_of_an_installed_package_works_by_name(tmp_path: Path) -> None:
    (tmp_path / "their_package.py").write_text(
        "from localrank.testing import MockReranker\n"
        "def make(model_id):\n    return MockReranker([[0.1, 0.9]], model_id=model_id, provider='theirs')\n",
        "utf-8",
    )
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[localrank.providers]\ntheirs = their_package:make\n", "utf-8")
    script = """
import sys
from localrank import UnknownModelError, rerank_sync
from localrank.providers.registry import provider_names
assert "their_package" not in sys.modules
result = rerank_sync("theirs:large", "q", ["a", "b"])
print([hit.index for hit in result], result.response.model_id, "theirs" in provider_names())
try:
    rerank_sync("theires:large", "q", ["a"])
except UnknownModelError as error:
    print(error.hint.startswith("Did you mean 'theirs'"))
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.stderr, done.stdout) == ("", "[1, 0] large True\nTrue\n")


def test_a_model_is_made_afresh_with_its_providers_settings() -> None:
    made = registry.make_model("lexical:default", {"k1": 0.5})

    assert made is not registry.make_model("lexical:default", {"k1": 0.5})
    assert made is not resolve("lexical:default")


def test_names_within_a_composition_are_made_by_whoever_makes_it() -> None:
    register_provider("house", mock)
    own = MockReranker(model_id="own", provider="house")

    with registry.names_made_by(lambda _: own):
        inside = resolve("fallback:(house:small|identity)")
        wrapper = registry.make_model("fallback:(house:small|identity)", {})
    after = resolve("house:small")

    assert inside is own
    assert wrapper.models[0] is own  # type: ignore[union-attr]
    assert after is not own


@pytest.mark.parametrize(
    ("name", "full"), [("house: small ", "house:small"), ("mini", "onnx:mini"), ("./mini", "onnx:./mini")]
)
def test_two_ways_to_write_a_name_have_one_full_name(name: str, full: str) -> None:
    assert registry.full_name(name) == full


def test_a_setting_that_the_provider_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="colour"):
        registry.make_model("lexical:default", {"colour": "red"})


def test_an_error_inside_the_constructor_passes_through() -> None:
    with pytest.raises(UnknownModelError, match="nothing"):
        registry.make_model("lexical:nothing", {"k1": 0.5})
