"""A reranker of the hub, from its name to a ranking: when it connects, how often, and what happens when that fails."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from localrank import rerank
from localrank.calling.retry import RetryPolicy
from localrank.contract.errors import InvalidRequestError, ModelLoadError, RerankAbortedError
from localrank_transformers import OnnxReranker
from tests.support import tiny_models
from tests.support.loopback_hub import TOKEN, Fault, LoopbackHub, running

pytestmark = pytest.mark.anyio

REPO = "some-one/some-reranker"
DOCUMENTS = ["the", "rag", "paris"]
GRAPH = "onnx/model.onnx"


@pytest.fixture
def published(hub: LoopbackHub, tmp_path: Path) -> Path:
    folder = tiny_models.build(tmp_path / "published")
    hub.add(REPO, folder)
    return folder


async def no_wait(_seconds: float) -> None:
    await anyio.lowlevel.checkpoint()


async def test_it_scores_as_the_same_files_in_a_folder_do(hub: LoopbackHub, published: Path) -> None:
    expected = await rerank(OnnxReranker(published), "what is rag", DOCUMENTS)
    result = await rerank(OnnxReranker(REPO), "what is rag", DOCUMENTS)
    assert [(hit.index, hit.score) for hit in result] == [(hit.index, hit.score) for hit in expected]


async def test_nothing_connects_before_the_first_call(hub: LoopbackHub, published: Path) -> None:
    model = OnnxReranker(REPO)
    assert (model.model_id, model.score_kind) == (REPO, "probability")
    assert model.fingerprint.startswith(f"onnx:{REPO}@recorded:")
    assert pickle.loads(pickle.dumps(model)).model_id == REPO
    assert hub.connections == 0


async def test_the_fingerprint_holds_the_commit_once_it_is_known(hub: LoopbackHub, published: Path) -> None:
    model = OnnxReranker(REPO)
    await model.warm_up()
    commit = model.fingerprint.partition("@")[2].partition(":")[0]
    assert len(commit) == 40
    assert OnnxReranker(REPO, revision="main").fingerprint == model.fingerprint
    assert OnnxReranker(REPO, revision=commit).fingerprint == model.fingerprint


async def test_a_second_process_s_worth_of_loading_connects_no_more(
    hub: LoopbackHub, published: Path
) -> None:
    await OnnxReranker(REPO).warm_up()
    before = hub.connections
    await OnnxReranker(REPO).warm_up()
    await OnnxReranker(REPO, offline=True).warm_up()
    assert hub.connections == before


async def test_many_first_calls_at_once_fetch_each_file_once(hub: LoopbackHub, published: Path) -> None:
    model = OnnxReranker(REPO)
    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(rerank, model, "what", DOCUMENTS)
    assert hub.asked("api") == [REPO]
    assert hub.asked("storage") == [GRAPH]


async def test_two_models_of_one_repository_share_its_files(hub: LoopbackHub, published: Path) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(OnnxReranker(REPO).warm_up)
    assert hub.asked("storage") == [GRAPH]


async def test_an_aborted_first_call_ends_the_download_which_the_next_call_continues(
    hub: LoopbackHub, published: Path
) -> None:
    note = b"x" * 40_000  # a long doc_string, field 6 of the model
    graph = (published / GRAPH).read_bytes() + b"\x32\xc0\xb8\x02" + note
    files = {name: (published / name).read_bytes() for name in ("config.json", "tokenizer.json")}
    hub.add(REPO, {**files, GRAPH: graph})
    hub.faults[f"storage:{GRAPH}"] = [Fault(seconds_a_piece=0.05)]
    model, abort, cache = OnnxReranker(REPO), anyio.Event(), published.parent / "hub-cache"

    async def set_while_downloading() -> None:
        while not (hub.asked("storage") and list(cache.rglob("*.incomplete"))):
            await anyio.sleep(0.005)
        (part,) = cache.rglob("*.incomplete")
        while part.stat().st_size == 0:
            await anyio.sleep(0.005)
        abort.set()

    async with anyio.create_task_group() as group:
        group.start_soon(set_while_downloading)
        with pytest.raises(RerankAbortedError):
            await rerank(model, "what", DOCUMENTS, abort_event=abort)
    while model._once._waiting:
        await anyio.sleep(0.005)
    (part,) = cache.rglob("*.incomplete")
    assert 0 < part.stat().st_size < len(graph)
    result = await rerank(model, "what", DOCUMENTS)
    assert len(result) == len(DOCUMENTS)
    assert hub.requests[-1].headers["range"].startswith("bytes=")


async def test_a_caller_that_gives_up_does_not_disturb_those_who_wait(
    hub: LoopbackHub, published: Path
) -> None:
    hub.faults[f"storage:{GRAPH}"] = [Fault(seconds_a_piece=0.02)]
    model, abort, lengths = OnnxReranker(REPO), anyio.Event(), list[int]()

    async def give_up() -> None:
        with pytest.raises(RerankAbortedError):
            await rerank(model, "what", DOCUMENTS, abort_event=abort)

    async def wait() -> None:
        lengths.append(len(await rerank(model, "what", DOCUMENTS)))

    async with anyio.create_task_group() as group:
        group.start_soon(give_up)
        group.start_soon(wait)
        while not hub.asked("storage"):
            await anyio.sleep(0.005)
        abort.set()
    assert lengths == [len(DOCUMENTS)]
    assert hub.asked("storage") == [GRAPH]


async def test_a_busy_hub_is_asked_again_by_the_policy_of_the_call(hub: LoopbackHub, published: Path) -> None:
    hub.faults["api:*"] = [Fault(status=503), Fault(status=429)]
    result = await rerank(OnnxReranker(REPO), "what", DOCUMENTS, retry=RetryPolicy(sleep=no_wait))
    assert len(result) == len(DOCUMENTS)
    assert hub.asked("api") == [REPO] * 3


async def test_a_hub_that_knows_no_such_model_is_asked_once(hub: LoopbackHub) -> None:
    with pytest.raises(ModelLoadError, match="shows no repository no-one/no-reranker"):
        await rerank(OnnxReranker("no-one/no-reranker"), "what", DOCUMENTS)
    assert hub.asked() == ["no-one/no-reranker"]


async def test_a_repository_without_what_is_needed_says_what_is_missing(hub: LoopbackHub) -> None:
    hub.add("a/slow-tokenizer", {"config.json": b"{}", GRAPH: b"x"})
    hub.add("a/torch-only", {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"x"})
    with pytest.raises(ModelLoadError, match=r"has no tokenizer\.json"):
        await OnnxReranker("a/slow-tokenizer").warm_up()
    with pytest.raises(ModelLoadError, match=r"has no ONNX file for precision='auto'.*TorchReranker"):
        await OnnxReranker("a/torch-only").warm_up()


async def test_a_model_of_another_family_is_refused_before_its_graph_is_fetched(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    config: dict[str, object] = {"architectures": ["Qwen3ForCausalLM"]}
    hub.add("onnx-community/Qwen3-Reranker-0.6B-ONNX", tiny_models.build(tmp_path / "m", config=config))
    with pytest.raises(ModelLoadError, match="Qwen3ForCausalLM"):
        await OnnxReranker("onnx-community/Qwen3-Reranker-0.6B-ONNX").warm_up()
    assert hub.asked("storage") == []


async def test_a_page_in_place_of_a_graph_is_refused(hub: LoopbackHub, published: Path) -> None:
    files = {name: (published / name).read_bytes() for name in ("config.json", "tokenizer.json")}
    hub.add("a/broken", {**files, GRAPH: b"<html>Sign in to the network</html>"})
    with pytest.raises(ModelLoadError, match="no valid ONNX file"):
        await OnnxReranker("a/broken").warm_up()


async def test_external_data_outside_the_repository_is_refused_before_it_is_fetched(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    folder = tiny_models.build(tmp_path / "m", external_data=True)
    data = next(path.name for path in (folder / "onnx").iterdir() if path.suffix == ".data")
    graph = folder / GRAPH
    graph.write_bytes(graph.read_bytes().replace(data.encode(), b"../../".ljust(len(data), b"x")))
    hub.add("a/evil", folder)
    with pytest.raises(ModelLoadError, match="outside the model's folder"):
        await OnnxReranker("a/evil").warm_up()
    assert hub.asked("storage") == [GRAPH]


async def test_cache_dir_and_revision_are_followed(hub: LoopbackHub, published: Path, tmp_path: Path) -> None:
    commit = hub.repositories[REPO].branches["main"]
    hub.add(REPO, {"config.json": b"broken", "tokenizer.json": b"{}", GRAPH: b"broken"})
    model = OnnxReranker(REPO, revision=commit, cache_dir=tmp_path / "own")
    assert len(await rerank(model, "what", DOCUMENTS)) == len(DOCUMENTS)
    assert (tmp_path / "own/models--some-one--some-reranker/snapshots" / commit / GRAPH).is_file()
    assert not (tmp_path / "hub-cache").exists()


@pytest.mark.parametrize("change", [{"revision": "../x"}, {"revision": ""}])
async def test_a_revision_without_meaning_is_refused_at_once(change: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="revision is"):
        OnnxReranker(REPO, **change)


SCRIPT = """
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
print(len(rerank_sync(OnnxReranker("mini", precision="fp32"), "what", ["the", "rag"], max_retries=0)))
"""


def test_the_environment_s_mirror_token_cache_and_offline_switch_are_followed(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "published")
    with running() as hub:
        hub.add("cross-encoder/ms-marco-MiniLM-L6-v2", folder)
        hub.repositories["cross-encoder/ms-marco-MiniLM-L6-v2"].gated = True
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("HF_", "TRANSFORMERS_"))
            },
            "HF_HOME": str(tmp_path / "home"),
            "HF_ENDPOINT": hub.endpoint,
        }

        def run(**change: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-c", SCRIPT],
                env={**environment, **change},
                capture_output=True,
                text=True,
                check=False,
            )

        refused = run(HF_HUB_OFFLINE="1")
        assert "offline mode allows no download" in refused.stderr
        assert hub.connections == 0
        assert "is gated" in run().stderr
        first = run(HF_TOKEN=TOKEN)
        assert (first.stdout, first.stderr) == ("2\n", "")
        assert (tmp_path / "home/hub/models--cross-encoder--ms-marco-MiniLM-L6-v2").is_dir()
        before = hub.connections
        assert run(HF_HUB_OFFLINE="1").stdout == "2\n"
        assert run().stdout == "2\n"
        assert hub.connections == before
