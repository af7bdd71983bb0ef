"""One file of a hub: fetched by the real client from a loopback hub, checked before it appears, continued after a failure."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir, try_to_load_from_cache

from localrank.contract.errors import ModelLoadError, RerankAbortedError
from localrank_transformers.models.hub.download import cache_folder, fetch, look_up
from localrank_transformers.models.hub.store import HubStore
from tests.support.loopback_hub import TOKEN, Fault, LoopbackHub

REPO = "some-one/some-reranker"
GRAPH = bytes(range(256)) * 40
FILES = {"config.json": b'{"a": 1}', "onnx/model.onnx": GRAPH}


@pytest.fixture
def commit(hub: LoopbackHub) -> str:
    return hub.add(REPO, FILES)


def store() -> HubStore:
    return HubStore(cache_folder(None), REPO)


def fetched(commit: str, name: str) -> bytes:
    return (store().folder(commit) / name).read_bytes()


def leftovers() -> list[Path]:
    return [path for path in store().root.rglob("*") if path.suffix in {".incomplete", ".tmp"}]


def test_a_revision_is_looked_up_in_one_request(hub: LoopbackHub, commit: str) -> None:
    listing = look_up(REPO, "main")
    assert (commit, frozenset(FILES)) == (listing.commit, listing.names)
    assert hub.asked() == [REPO]


def test_a_small_file_and_an_lfs_file_arrive_as_they_are(hub: LoopbackHub, commit: str) -> None:
    for name, content in FILES.items():
        fetch(store(), REPO, commit, name)
        assert content == fetched(commit, name)
    assert hub.asked("head") == ["config.json", "onnx/model.onnx"]
    assert hub.asked("get") == ["config.json"]
    assert hub.asked("storage") == ["onnx/model.onnx"]
    assert leftovers() == []


def test_the_cache_is_the_one_that_other_programs_read(hub: LoopbackHub, commit: str) -> None:
    fetch(store(), REPO, commit, "onnx/model.onnx")
    store().keep(commit=commit, listed=commit, names=FILES)
    store().keep_reference("main", commit)
    found = try_to_load_from_cache(REPO, "onnx/model.onnx", cache_dir=cache_folder(None))
    assert Path(str(found)).read_bytes() == GRAPH
    scan = scan_cache_dir(cache_folder(None))
    assert ([repo.repo_id for repo in scan.repos], scan.warnings) == ([REPO], [])


def test_a_connection_that_drops_is_continued_where_it_broke(hub: LoopbackHub, commit: str) -> None:
    hub.faults["storage:onnx/model.onnx"] = [Fault(drop_after=4000)]
    fetch(store(), REPO, commit, "onnx/model.onnx")
    assert fetched(commit, "onnx/model.onnx") == GRAPH
    ranges = [request.headers.get("range") for request in hub.requests if request.kind == "storage"]
    assert ranges == [None, "bytes=4000-"]


def test_a_failed_download_leaves_nothing_in_the_cache_and_is_continued_by_the_next(
    hub: LoopbackHub, commit: str
) -> None:
    hub.faults["storage:onnx/model.onnx"] = [Fault(drop_after=4000), Fault(status=500)]
    with pytest.raises(ModelLoadError, match="HTTP 500") as caught:
        fetch(store(), REPO, commit, "onnx/model.onnx")
    assert caught.value.is_retryable
    assert not store().has(commit, ["onnx/model.onnx"])
    assert not store().blob(hashlib.sha256(GRAPH).hexdigest()).exists()
    fetch(store(), REPO, commit, "onnx/model.onnx")
    assert fetched(commit, "onnx/model.onnx") == GRAPH
    assert hub.requests[-1].headers["range"] == "bytes=4000-"


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_checksum_is_refused_and_the_next_attempt_starts_clean(
    hub: LoopbackHub, commit: str, name: str
) -> None:
    hub.faults[f"storage:{name}"] = hub.faults[f"get:{name}"] = [Fault(corrupt=True)]
    with pytest.raises(ModelLoadError, match="arrived damaged"):
        fetch(store(), REPO, commit, name)
    assert not store().has(commit, [name])
    assert leftovers() == []
    fetch(store(), REPO, commit, name)
    assert FILES[name] == fetched(commit, name)


def test_what_an_earlier_download_left_damaged_is_fetched_anew(hub: LoopbackHub, commit: str) -> None:
    blob = store().blob(hashlib.sha256(GRAPH).hexdigest())
    blob.parent.mkdir(parents=True)
    blob.with_name(f"{blob.name}.localrank.incomplete").write_bytes(b"not the beginning of it")
    fetch(store(), REPO, commit, "onnx/model.onnx")
    assert fetched(commit, "onnx/model.onnx") == GRAPH


def test_a_file_of_another_size_than_announced_is_refused(hub: LoopbackHub, commit: str) -> None:
    hub.faults["head:onnx/model.onnx"] = [Fault(announce_size=len(GRAPH) + 5)]
    with pytest.raises(ModelLoadError, match="could not be fetched"):
        fetch(store(), REPO, commit, "onnx/model.onnx")
    assert not store().has(commit, ["onnx/model.onnx"])


def test_an_over_sized_file_is_refused_before_a_byte_of_it_is_read(hub: LoopbackHub, commit: str) -> None:
    hub.faults["head:onnx/model.onnx"] = [Fault(announce_size=3 << 30)]
    with pytest.raises(ModelLoadError, match=r"3,221,225,472 bytes; at most 2,147,483,648"):
        fetch(store(), REPO, commit, "onnx/model.onnx")
    assert hub.asked("storage") == []


@pytest.mark.parametrize("name", ["../evil.json", "/etc/passwd", "a\\b.json", "C:/a.json", "a/./b.json", ""])
def test_a_name_that_leaves_the_folder_is_refused(hub: LoopbackHub, commit: str, name: str) -> None:
    with pytest.raises(ModelLoadError, match="no plain path"):
        fetch(store(), REPO, commit, name)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "a/weights.pkl", "modeling.py"])
def test_pickles_and_code_are_never_fetched(hub: LoopbackHub, name: str) -> None:
    commit = hub.add(REPO, {name: b"x"})
    with pytest.raises(ModelLoadError, match="can run any code"):
        fetch(store(), REPO, commit, name)
    assert hub.requests == []


def test_a_token_goes_to_the_hub_and_never_to_the_storage(
    hub: LoopbackHub, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    look_up(REPO, "main")
    for name in FILES:
        fetch(store(), REPO, commit, name)
    sent = {request.kind: request.headers.get("authorization") for request in hub.requests}
    bearer = f"Bearer {TOKEN}"
    assert {"api": bearer, "head": bearer, "get": bearer, "storage": None} == sent


@pytest.mark.parametrize(
    ("fault", "retryable", "match"),
    [
        (Fault(status=401), False, "shows no repository some-one/some-reranker"),
        (Fault(status=403), False, "refuses some-one/some-reranker"),
        (Fault(status=404), False, "shows no repository"),
        (Fault(status=429, headers={"Retry-After": "7"}), True, "too many requests"),
        (Fault(status=503), True, "answered HTTP 503"),
    ],
)
def test_each_refusal_of_the_hub_says_what_it_is(
    hub: LoopbackHub, commit: str, fault: Fault, retryable: bool, match: str
) -> None:
    hub.faults[f"api:{REPO}"] = [fault]
    with pytest.raises(ModelLoadError, match=match) as caught:
        look_up(REPO, "main")
    assert retryable is caught.value.is_retryable
    assert (7.0 if fault.status == 429 else None) == getattr(caught.value, "retry_after", None)


def test_a_gated_model_says_how_to_get_in(
    hub: LoopbackHub, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories[REPO].gated = True
    with pytest.raises(ModelLoadError, match=r"gated.*Accept them at http.*hf auth login"):
        fetch(store(), REPO, commit, "config.json")
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    with pytest.raises(ModelLoadError, match="gated") as caught:
        fetch(store(), REPO, commit, "config.json")
    assert "hf_of_somebody_else" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch(store(), REPO, commit, "config.json")
    assert FILES["config.json"] == fetched(commit, "config.json")


def test_an_unknown_revision_and_an_unknown_file_are_named(hub: LoopbackHub, commit: str) -> None:
    with pytest.raises(ModelLoadError, match="no revision 'nightly'"):
        look_up(REPO, "nightly")
    with pytest.raises(ModelLoadError, match=r"no onnx/other\.onnx of some-one/some-reranker"):
        fetch(store(), REPO, commit, "onnx/other.onnx")


def test_a_repository_that_was_renamed_is_followed(hub: LoopbackHub, commit: str) -> None:
    hub.renamed["some-one/former-name"] = REPO
    assert look_up("some-one/former-name", "main").commit == commit
    former = HubStore(cache_folder(None), "some-one/former-name")
    for name, content in FILES.items():
        fetch(former, "some-one/former-name", commit, name)
        assert (former.folder(commit) / name).read_bytes() == content


def test_a_file_in_xet_storage_comes_over_http_where_it_can_be_continued(
    hub: LoopbackHub, commit: str
) -> None:
    route = {
        "X-Xet-Hash": "ab" * 32,
        "X-Xet-Refresh-Route": f"{hub.endpoint}/api/models/{REPO}/xet-read-token",
    }
    hub.faults["head:onnx/model.onnx"] = [Fault(headers=route)]
    fetch(store(), REPO, commit, "onnx/model.onnx")
    assert fetched(commit, "onnx/model.onnx") == GRAPH
    assert hub.asked("storage") == ["onnx/model.onnx"]


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"[]", b"{}", b'{"id": "a/b", "sha": "main"}'])
def test_a_page_that_no_hub_sends_is_told_from_a_model(hub: LoopbackHub, commit: str, page: bytes) -> None:
    hub.faults["api:*"] = [Fault(page=page)]
    hub.faults["config.json"] = [Fault(page=page, times=2)]
    with pytest.raises(ModelLoadError, match="did not answer as a model hub does"):
        look_up(REPO, "main")
    with pytest.raises(ModelLoadError, match="did not answer as a model hub does"):
        fetch(store(), REPO, commit, "config.json")
    assert not store().has(commit, ["config.json"])


def test_an_error_never_repeats_a_signed_address(hub: LoopbackHub, commit: str) -> None:
    hub.faults["storage:onnx/model.onnx"] = [Fault(status=403)]
    with pytest.raises(ModelLoadError) as caught:
        fetch(store(), REPO, commit, "onnx/model.onnx")
    assert "signature" not in str(caught.value)


def test_a_download_that_nobody_wants_stops_and_is_continued_later(hub: LoopbackHub, commit: str) -> None:
    hub.faults["storage:onnx/model.onnx"] = [Fault(seconds_a_piece=0.01)]
    polled = 0

    def should_stop() -> bool:
        nonlocal polled
        polled += 1
        return polled > 4

    with pytest.raises(RerankAbortedError, match="was stopped"):
        fetch(store(), REPO, commit, "onnx/model.onnx", should_stop)
    assert not store().has(commit, ["onnx/model.onnx"])
    fetch(store(), REPO, commit, "onnx/model.onnx")
    assert fetched(commit, "onnx/model.onnx") == GRAPH
    assert hub.requests[-1].headers["range"].startswith("bytes=")


def test_two_who_fetch_the_same_file_transfer_it_once(hub: LoopbackHub, commit: str) -> None:
    hub.faults["storage:onnx/model.onnx"] = [Fault(seconds_a_piece=0.01)]
    threads = [
        threading.Thread(target=fetch, args=(store(), REPO, commit, "onnx/model.onnx")) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hub.asked("storage") == ["onnx/model.onnx"]
    assert fetched(commit, "onnx/model.onnx") == GRAPH
