"""Which commit a load uses, and how many connections that takes: one look-up at most, none where the commit is fixed."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace

import pytest
from huggingface_hub import constants

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.models.hub.repository import HubRepository, HubSource, open_repository
from tests.support.loopback_hub import Fault, LoopbackHub

REPO = "some-one/some-reranker"
OLD = {"config.json": b"old", "tokenizer.json": b"{}"}
NEW = {"config.json": b"new", "tokenizer.json": b"{}", "more.json": b"[]"}
SOURCE = HubSource(REPO)


def is_enough(names: Collection[str]) -> bool:
    return set(names) >= set(OLD)


def opened(source: HubSource = SOURCE, *, update: bool = False) -> HubRepository:
    return open_repository(source, is_enough=is_enough, update=update)


def pulled(source: HubSource = SOURCE, *, update: bool = False) -> str:
    repository = opened(source, update=update)
    folder = repository.fetch(OLD)
    repository.keep(update=update)
    return (folder / "config.json").read_text()


def test_the_first_download_asks_once_which_commit_it_is(hub: LoopbackHub) -> None:
    commit = hub.add(REPO, OLD)
    assert pulled() == "old"
    assert hub.asked("api") == [REPO]
    assert SOURCE.store().recorded_commit == commit


def test_later_loads_keep_to_the_recorded_commit_without_any_connection(hub: LoopbackHub) -> None:
    hub.add(REPO, OLD)
    pulled()
    hub.add(REPO, NEW)
    before = hub.connections
    assert pulled() == "old"
    assert hub.connections == before


def test_an_update_looks_up_again_and_records_the_new_commit(hub: LoopbackHub) -> None:
    hub.add(REPO, OLD)
    pulled()
    commit = hub.add(REPO, NEW)
    assert pulled(update=True) == "new"
    assert SOURCE.store().recorded_commit == commit
    assert pulled() == "new"


def test_a_commit_is_recorded_only_once_its_files_are_here(hub: LoopbackHub) -> None:
    hub.add(REPO, OLD)
    hub.faults["head:tokenizer.json"] = [Fault(status=500)]
    with pytest.raises(ModelLoadError):
        pulled()
    assert SOURCE.store().recorded_commit is None


def test_a_commit_that_is_asked_for_needs_no_look_up_once_it_is_here(hub: LoopbackHub) -> None:
    commit = hub.add(REPO, OLD)
    pinned = replace(SOURCE, revision=commit)
    assert pulled(pinned) == "old"
    assert SOURCE.store().recorded_commit is None
    before = hub.connections
    assert pulled(pinned) == "old"
    assert hub.connections == before


def test_files_that_another_program_fetched_are_used_as_they_are(hub: LoopbackHub) -> None:
    commit = hub.add(REPO, OLD)
    pulled()
    (SOURCE.store().root / "localrank.json").unlink()
    before = hub.connections
    assert pulled(replace(SOURCE, revision=commit)) == "old"
    assert hub.connections == before


def test_a_branch_is_looked_up_at_each_load(hub: LoopbackHub) -> None:
    hub.add(REPO, OLD)
    main = replace(SOURCE, revision="main")
    assert pulled(main) == "old"
    hub.add(REPO, NEW)
    assert pulled(main) == "new"


def test_all_files_of_a_load_are_of_one_commit_though_the_branch_moves_on(hub: LoopbackHub) -> None:
    hub.add(REPO, OLD)
    repository = opened()
    repository.fetch(["tokenizer.json"])
    hub.add(REPO, NEW)
    assert (repository.fetch(["config.json"]) / "config.json").read_text() == "old"


@pytest.mark.parametrize("fault", [Fault(status=503, times=9), Fault(status=401, times=9)])
def test_a_hub_that_does_not_answer_leaves_what_is_here_in_use(hub: LoopbackHub, fault: Fault) -> None:
    hub.add(REPO, OLD)
    main = replace(SOURCE, revision="main")
    pulled(main)
    hub.faults["api:*"] = [fault]
    assert pulled(main) == "old"


def test_a_hub_that_cannot_be_reached_is_named_where_nothing_is_here(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelLoadError, match=r"could not be fetched from http://127\.0\.0\.1:9") as caught:
        pulled()
    assert caught.value.is_retryable


@pytest.mark.parametrize("by_argument", [True, False])
def test_offline_makes_no_connection_and_uses_what_is_here(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, by_argument: bool
) -> None:
    hub.add(REPO, OLD)
    pulled()
    before = hub.connections
    offline = replace(SOURCE, offline=True) if by_argument else SOURCE
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", not by_argument)
    for revision in (None, "main"):
        assert pulled(replace(offline, revision=revision)) == "old"
    assert hub.connections == before


@pytest.mark.parametrize("by_argument", [True, False])
def test_offline_says_what_to_do_where_nothing_is_here(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, by_argument: bool
) -> None:
    hub.add(REPO, OLD)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", not by_argument)
    with pytest.raises(ModelLoadError, match=r"localrank models pull some-one/some-reranker"):
        pulled(replace(SOURCE, offline=True) if by_argument else SOURCE)
    assert hub.connections == 0


def test_offline_names_the_one_file_that_is_missing(hub: LoopbackHub) -> None:
    hub.add(REPO, NEW)
    pulled()
    with pytest.raises(ModelLoadError, match=r"file more\.json of some-one/some-reranker is not on this"):
        opened(replace(SOURCE, offline=True)).fetch(["more.json"])


def test_offline_is_not_undone_by_an_argument(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add(REPO, OLD)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelLoadError, match="offline mode allows no download"):
        pulled(replace(SOURCE, offline=False))
    assert hub.connections == 0


def test_a_damaged_record_is_no_obstacle(hub: LoopbackHub) -> None:
    commit = hub.add(REPO, OLD)
    pulled()
    record = SOURCE.store().root / "localrank.json"
    for content in ("{", "[]", json.dumps({"commit": "main", "files": 3})):
        record.write_text(content)
        assert pulled() == "old"
    assert SOURCE.store().recorded_commit == commit


@pytest.mark.parametrize("repo_id", ["a/b/c", "../b", "a/..", "a--b/c", "a/b?c", "a"])
def test_what_is_no_repository_is_refused(repo_id: str) -> None:
    with pytest.raises(InvalidRequestError, match="no name of a hub repository"):
        HubSource(repo_id)


@pytest.mark.parametrize("revision", ["", "../../x", "a b", "/etc"])
def test_what_is_no_revision_is_refused(revision: str) -> None:
    with pytest.raises(InvalidRequestError, match="revision is"):
        HubSource(REPO, revision)
