"""What is served under which name: specs of any kind, names that go wrong, models that fail and come back."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InvalidRequestError,
    ModelLoadError,
    RerankError,
    register_provider,
)
from localrank.providers.registry import resolve
from localrank.server import create_app
from localrank.server.app import RerankApp
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving

BODY = {"query": "tomato soup", "documents": ["paris", "tomato soup"]}


class LateReranker(LexicalReranker):
    """Cannot be loaded at first."""

    is_there = False

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        if not self.is_there:
            raise ModelLoadError("The folder is empty.", hint="Fill it.")
        return await super().do_rerank(options)


@pytest.mark.parametrize(
    "spec", ["lexical:default", "fallback:(lexical:default|identity)", "cascade:(identity>2>lexical:default)"]
)
def test_whatever_a_spec_makes_is_served(spec: str) -> None:
    with serving(create_app([spec])) as client:
        body = client.post("/v1/rerank", {**BODY, "model": spec}).body

    assert body["model"] == spec
    assert body["results"][0]["index"] == 1


def test_a_wrapper_of_a_file_is_served(tmp_path: Path) -> None:
    (tmp_path / "rerank.toml").write_text(
        '[search]\nkind = "fallback"\nmodels = ["lexical:default", "identity"]\n'
    )
    with serving(create_app({"search": f"toml:{tmp_path / 'rerank.toml'}#search"})) as client:
        body = client.post("/v1/rerank", BODY).body

    assert body["results"][0]["index"] == 1


def test_a_model_that_fails_to_load_is_asked_again() -> None:
    model = LateReranker()
    with serving(create_app({"late": model})) as client:
        failed, not_ready = client.post("/v1/rerank", BODY), client.get("/ready")
        model.is_there = True
        later, ready = client.post("/v1/rerank", BODY), client.get("/ready")

    assert (failed.status, not_ready.status) == (500, 503)
    assert "model_load" in failed.body["message"]
    assert (later.status, ready.status) == (200, 200)


@pytest.mark.parametrize("spec", ["nonsense:a", "cascade:a", "toml:/nonexistent.toml", "/no/such/folder", ""])
def test_a_spec_that_stands_for_nothing_is_refused_at_once(spec: str) -> None:
    with pytest.raises(RerankError):
        create_app({"model": spec})


def test_a_blank_name_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="name of a model is blank"):
        create_app({" ": "localrank-mini"})


def test_two_names_for_one_spec_are_one_model() -> None:
    models = list(create_app({"a": "localrank-mini", "b": "localrank-mini", "c": "localrank-tiny"}).models)

    assert models[0].model is models[1].model
    assert models[2].model is not models[0].model


@pytest.mark.parametrize(
    "spec",
    [
        "localrank-tiny",
        "fallback:(localrank-tiny|identity)",
        "cascade:(identity>3>localrank-tiny)",
        "fused:(localrank-tiny*0.5+lexical:default*0.5)",
    ],
)
def test_documents_seen_before_are_known_whatever_the_model_stands_in(spec: str) -> None:
    with serving(create_app({"model": spec})) as client:
        before = client.post("/v1/rerank", BODY)
        first = _known(client)
        again = client.post("/v1/rerank", {**BODY, "query": "a city"})

        assert (before.status, again.status) == (200, 200)
        assert (first, _known(client)) == (0, 2)


def test_a_text_that_waits_in_two_requests_is_read_once() -> None:
    documents = [f"Paragraph {n} on the harbour and its ferries. " * 10 for n in range(60)]
    together = threading.Barrier(3)
    with serving(create_app({"model": "localrank-tiny"})) as client:
        client.post("/v1/rerank", BODY)  # loads

        def ask(query: str) -> None:
            together.wait(20)
            client.post("/v1/rerank", {"query": query, "documents": documents})

        threads = [threading.Thread(target=ask, args=(f"query {n}",)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert _known(client) == 2 * len(documents)


def test_without_room_nothing_is_known() -> None:
    app = create_app({"model": "fallback:(localrank-tiny|identity)"}, document_cache_mb=None)
    with serving(app) as client:
        client.post("/v1/rerank", BODY)
        client.post("/v1/rerank", BODY)

        assert _known(client) == 0


def test_a_store_on_disk_is_shared_by_servers_and_outlives_them(tmp_path: Path) -> None:
    def make() -> RerankApp:
        models = {"model": "fallback:(localrank-tiny|identity)"}
        return create_app(models, document_cache_mb=None, document_store=tmp_path / "store")

    with serving(make()) as one, serving(make()) as other:
        one.post("/v1/rerank", BODY)
        other.post("/v1/rerank", {**BODY, "query": "a city"})
        assert (_known(one), _known(other)) == (0, 2)
    with serving(make()) as later:
        later.post("/v1/rerank", BODY)
        assert _known(later) == 2
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["localrank-tiny"]


@pytest.mark.parametrize("value", [-1, 0.5, "256", True])
def test_a_memory_of_no_size_is_refused_whoever_would_use_it(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="document_cache_mb"):
        create_app("lexical:default", document_cache_mb=value)


def test_a_store_that_is_no_path_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="document_store"):
        create_app("localrank-tiny", document_store="")


@pytest.mark.parametrize("models", ["lexical:default", {"own": LexicalReranker()}])
def test_a_store_that_no_model_would_use_is_refused(models: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="document_store is given, and no model"):
        create_app(models, document_store=tmp_path / "store")


def test_a_model_alone_and_inside_a_wrapper_is_one_model_of_this_server_alone() -> None:
    app = create_app({"a": "onnx:localrank-tiny", "b": "fallback:(localrank-tiny|identity)"})
    alone, wrapper = (served.model for served in app.models)

    assert wrapper.models[0] is alone  # type: ignore[union-attr]
    assert resolve("localrank-tiny") is not alone


def _known(client: Client) -> float:
    page = client.get("/metrics").body
    found = re.search(r'^localrank_known_documents_total{model="model"} (\S+)', page, re.MULTILINE)
    return float(found[1]) if found else 0


def test_a_name_alone_is_one_model() -> None:
    assert [served.name for served in create_app("localrank-tiny").models] == ["localrank-tiny"]


@pytest.mark.anyio
async def test_models_that_stay_are_the_same_and_those_that_go_are_closed_once_they_are_idle() -> None:
    closed: list[str] = []

    class Closing(LexicalReranker):
        async def aclose(self) -> None:
            closed.append(self.model_id)

    def make(model_id: str) -> Closing:
        made = Closing()
        made.model_id = model_id
        return made

    register_provider("closing", make)
    app = create_app(
        {"a": "closing:stays", "b": "fallback:(closing:stays|closing:goes)", "c": "closing:busy"}
    )
    stays, busy = app.models.get("a").model, app.models.get("c")
    async with anyio.create_task_group() as group:
        with busy.in_use():
            group.start_soon(app.change_models, {"a": "closing:stays", "d": "closing:new"})
            with anyio.fail_after(30):
                while "d" not in (names := [served.name for served in app.models]):
                    await anyio.sleep(0.001)
            early = list(closed)

    assert names == ["a", "d"]
    assert early == []
    assert app.models.get("a").model is stays
    assert closed == ["goes", "busy"]
    await app.aclose()
    assert sorted(closed[2:]) == ["new", "stays"]


@pytest.mark.anyio
async def test_models_that_cannot_be_loaded_leave_the_former_ones() -> None:
    register_provider("late", lambda _: LateReranker())
    app = create_app({"a": "lexical:default"})

    with pytest.raises(ModelLoadError):
        await app.change_models({"b": "late:x"}, preload=True)

    assert [served.name for served in app.models] == ["a"]
