"""`TorchReranker`: what it refuses, how it stops, what it says, and how it comes through running out of memory."""

from __future__ import annotations

import json
import pickle
import shutil
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("transformers", reason="needs the extra `golden`")

import numpy as np
import torch
import transformers

from localrank import (
    DoRerankOptions,
    InferenceError,
    InvalidRequestError,
    ModelLoadError,
    RerankAbortedError,
    rerank,
    rerank_sync,
)
from localrank_transformers import TorchReranker
from localrank_transformers.call.deadline import OutOfMemoryError, StoppedError
from localrank_transformers.engines.torch.device import Placement, choose
from localrank_transformers.engines.torch.packed import PackedEngine
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.models.cpu_features import bf16_is_faster, cpu_features
from tests.support import torch_models
from tests.support.torch_models import texts

pytestmark = pytest.mark.anyio

QUERY = "what is the capital of france"
HAS_BF16 = not {"AMX-BF16", "AVX512-BF16"}.isdisjoint(cpu_features() or ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return torch_models.build_encoder(tmp_path / "bert", "bert")


class CountingToken:
    """Set from the n-th look on."""

    def __init__(self, set_from: int | None = None) -> None:
        self.set_from = set_from
        self.looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        return self.set_from is not None and self.looks >= self.set_from


async def test_the_result_says_what_auto_chose(folder: Path) -> None:
    result = await rerank(TorchReranker(folder, device="cpu"), QUERY, ["paris"])

    assert result.provider_metadata["torch"] == {
        "device": "cpu",
        "device_name": "cpu",
        "dtype": "bf16" if bf16_is_faster() else "fp32",
        "attention": "packed",
        "family": "cross-encoder",
        "declared_activation": None,
    }
    assert result.score_kind == "probability"


async def test_half_precision_is_used_when_asked_for(folder: Path) -> None:
    documents = texts(10)
    full = await rerank(TorchReranker(folder, device="cpu", dtype="fp32"), QUERY, documents)
    half = await rerank(TorchReranker(folder, device="cpu", dtype="bf16"), QUERY, documents)

    differences = [abs(full[at].score - half[at].score) for at in range(10)]
    assert half.provider_metadata["torch"]["dtype"] == "bf16"
    assert 0 < max(differences) < 0.2


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
async def test_an_absent_device_is_refused_and_what_is_there_is_named(folder: Path, device: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"{device}.*There is cpu"):
        await rerank(TorchReranker(folder, device=device), QUERY, ["paris"])


async def test_pickled_weights_are_refused_with_the_way_out(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelLoadError, match=r"pytorch_model\.bin.*pickle.*safetensors"):
        await rerank(TorchReranker(folder, device="cpu"), QUERY, ["paris"])


async def test_a_checkpoint_without_a_head_is_refused(folder: Path) -> None:
    transformers.BertForSequenceClassification.from_pretrained(folder).bert.save_pretrained(folder)
    with pytest.raises(ModelLoadError, match="classifier"):
        await rerank(TorchReranker(folder, device="cpu", family="cross-encoder"), QUERY, ["paris"])


async def test_code_in_the_repository_needs_consent(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own-type", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('code of the repository ran')")
    with pytest.raises(ModelLoadError, match="trust_remote_code=True"):
        await rerank(TorchReranker(folder, device="cpu"), QUERY, ["paris"])


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"template": "qwen3"}, "template"),
        ({"instruction": "find it"}, "instruction"),
        ({"layer": 2}, "layer"),
        ({"max_length": 65}, "max_length"),
    ],
)
async def test_a_setting_that_does_not_fit_the_model_is_named(
    folder: Path, change: dict[str, Any], name: str
) -> None:
    with pytest.raises(InvalidRequestError, match=name):
        await rerank(TorchReranker(folder, device="cpu", **change), QUERY, ["paris"])


async def test_an_abort_leaves_the_pass_between_two_layers(folder: Path) -> None:
    model = TorchReranker(folder, device="cpu")
    whole = CountingToken()
    expected = await rerank(model, QUERY, texts(8), abort_event=whole)
    token = CountingToken(set_from=12)

    with pytest.raises(RerankAbortedError):
        await rerank(model, QUERY, texts(8), abort_event=token)

    assert whole.looks > 24
    assert token.looks <= 12 + 4
    again = await rerank(model, QUERY, texts(8))
    assert [hit.score for hit in again] == [hit.score for hit in expected]


async def test_a_compiled_model_has_no_hooks_in_its_layers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Any] = []

    def remember(module: Any, *, dynamic: bool) -> Any:
        compiled.append(module)
        return module

    monkeypatch.setattr(torch, "compile", remember)
    await rerank(TorchReranker(folder, device="cpu", compile=True), QUERY, ["paris"])

    [module] = compiled
    assert not any(part._forward_pre_hooks for part in module.modules())


@pytest.mark.slow
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles for the CPU with a C++ compiler")
async def test_a_compiled_model_gives_the_same_scores(folder: Path) -> None:
    documents = texts(12)
    expected = await rerank(TorchReranker(folder, device="cpu", dtype="fp32"), QUERY, documents)
    found = await rerank(TorchReranker(folder, device="cpu", compile=True), QUERY, documents)

    assert found.provider_metadata["torch"]["attention"] == "sdpa"
    assert {hit.index: hit.score for hit in found} == pytest.approx(
        {hit.index: hit.score for hit in expected}, abs=1e-5
    )


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="MPS is there")
async def test_mps_is_used_only_where_it_is(folder: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"'mps' is not there.*There is cpu"):
        await rerank(TorchReranker(folder, device="mps"), QUERY, ["paris"])


async def test_a_deadline_gives_the_best_so_far(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TorchReranker(folder, device="cpu", batch_tokens=1)
    await model.warm_up()
    logits = PackedEngine.run

    def slow(self: PackedEngine, rows: Any) -> Any:
        threading.Event().wait(0.02)
        return logits(self, rows)

    monkeypatch.setattr(PackedEngine, "run", slow)
    # Asked past the core, whose grace after a deadline is too short for a busy machine.
    answer = await model.do_rerank(DoRerankOptions(QUERY, tuple(texts(40)), deadline=0.4))

    assert 0 < len([item for item in answer.results if not item.tier]) < 40
    assert len(answer.results) == 40
    assert [warning.type for warning in answer.warnings] == ["deadline_exceeded"]


async def test_calls_at_the_same_time_do_not_mix(folder: Path) -> None:
    model = TorchReranker(folder, device="cpu")
    lists = [texts(6, seed=seed) for seed in range(8)]
    expected = [[hit.score for hit in await rerank(model, QUERY, documents)] for documents in lists]
    found: dict[int, list[float]] = {}

    async def call(number: int) -> None:
        found[number] = [hit.score for hit in await rerank(model, QUERY, lists[number])]

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(call, number)

    assert found == dict(enumerate(expected))


async def test_auto_is_bf16_where_that_is_faster_and_nothing_is_padded(folder: Path) -> None:
    chosen = {}
    for attention in ("auto", "eager"):
        result = await rerank(TorchReranker(folder, device="cpu", attention=attention), QUERY, ["paris"])
        chosen[attention] = result.provider_metadata["torch"]["dtype"]
    assert chosen == {"auto": "bf16" if bf16_is_faster() else "fp32", "eager": "fp32"}


@pytest.mark.skipif(not HAS_BF16, reason="this processor has no bf16")
async def test_a_packed_bf16_score_is_the_same_alone_and_in_company(folder: Path) -> None:
    model, documents = TorchReranker(folder, device="cpu", dtype="bf16"), texts(30)
    together = {hit.index: hit.score for hit in await rerank(model, QUERY, documents)}
    alone = [(await rerank(model, QUERY, [document]))[0].score for document in documents]
    assert alone == pytest.approx([together[index] for index in range(30)], abs=1e-6)


async def test_bf16_leaves_no_ties_between_documents_that_differ(folder: Path) -> None:
    result = await rerank(TorchReranker(folder, device="cpu", dtype="bf16"), QUERY, texts(60))
    assert len({hit.metadata["logit"] for hit in result}) == len({hit.text for hit in result})


def running_out_above(limit: int, logits: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: PackedEngine, rows: Any) -> Any:
        if sum(len(row.ids) for row in rows) > limit:
            raise OutOfMemoryError("tried to allocate 1 GiB")
        return logits(self, rows)

    return run


async def test_out_of_memory_halves_the_budget_once_and_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = texts(30)
    expected = {
        hit.index: hit.score for hit in await rerank(TorchReranker(folder, device="cpu"), QUERY, documents)
    }
    monkeypatch.setattr(PackedEngine, "run", running_out_above(300, PackedEngine.run))
    model = TorchReranker(folder, device="cpu", batch_tokens=500)

    result = await rerank(model, QUERY, documents)
    second = await rerank(model, QUERY, documents)

    assert {hit.index: hit.score for hit in result} == pytest.approx(expected, abs=1e-5)
    assert [(warning.type, "250 tokens" in warning.message) for warning in result.warnings] == [
        ("out_of_memory", True)
    ]
    assert second.warnings == ()


async def test_out_of_memory_again_is_an_error_with_the_mend(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PackedEngine, "run", running_out_above(10, PackedEngine.run))
    with pytest.raises(InferenceError, match="batch_tokens"):
        await rerank(TorchReranker(folder, device="cpu"), QUERY, texts(30))


def test_what_leaves_a_pass_holds_none_of_its_tensors() -> None:
    runtime = TorchRuntime(choose("cpu", "auto"))
    kept: list[weakref.ref[torch.Tensor]] = []

    def forward(failure: type[Exception]) -> None:
        tensor = torch.zeros(8)
        kept.append(weakref.ref(tensor))
        raise failure("CUDA out of memory")

    for raised, expected in [
        (torch.OutOfMemoryError, OutOfMemoryError),
        (StoppedError, StoppedError),
        (RuntimeError, InferenceError),
    ]:
        with pytest.raises(expected) as caught:
            runtime.run(lambda raised=raised: forward(raised))
        assert caught.value.__context__ is None
        assert kept.pop()() is None


@pytest.mark.parametrize("name", ["bert", "deberta-v2"])
async def test_the_few_widths_of_mps_keep_the_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder, documents = torch_models.build_encoder(tmp_path / name, name), texts(30)
    model = TorchReranker(
        folder, device="cpu", attention="auto" if name == "deberta-v2" else "sdpa", batch_tokens=200
    )
    expected = await rerank(model, QUERY, documents)
    widths: list[int] = []
    tensor = TorchRuntime.tensor

    def watched(self: TorchRuntime, values: Any) -> torch.Tensor:
        widths.append(values.shape[1])
        return tensor(self, values)

    monkeypatch.setattr(TorchRuntime, "tensor", watched)
    model._once.get()[0].device.has_few_widths = True
    found = await rerank(model, QUERY, documents)

    assert set(widths) <= {16, 24, 32, 48, 64}
    assert [hit.index for hit in found] == [hit.index for hit in expected]
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-5)


def test_widths_are_few_on_mps_only() -> None:
    rows = [np.ones(length, dtype=np.int64) for length in (3, 17)]
    places = [Placement(torch.device(name), torch.float32, name, "fp32") for name in ("cpu", "mps")]

    assert [TorchRuntime(place).padded(rows, fill=0).shape for place in places] == [(2, 17), (2, 24)]


def test_it_travels_to_another_process_without_its_weights(folder: Path) -> None:
    model = TorchReranker(folder, device="cpu", max_length=32)
    expected = rerank_sync(model, QUERY, ["paris"])[0].score
    sent = pickle.dumps(model)

    assert len(sent) < 2_000
    assert rerank_sync(pickle.loads(sent), QUERY, ["paris"])[0].score == expected


async def test_a_closed_model_loads_again(folder: Path) -> None:
    async with TorchReranker(folder, device="cpu") as model:
        before = (await rerank(model, QUERY, ["paris"]))[0].score
    again = await rerank(model, QUERY, ["paris"])

    assert again[0].score == before
    assert again.usage.load_ms > 0


def test_token_spans_are_character_offsets(folder: Path) -> None:
    assert TorchReranker(folder).token_spans("paris city") == [(0, 5), (6, 10)]


def test_importing_the_class_imports_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys; from localrank_transformers import TorchReranker; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_a_call_that_waits_for_another_can_be_aborted_and_keeps_its_deadline(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TorchReranker(folder, device="cpu")
    await model.warm_up()
    computing, go_on, logits = threading.Event(), threading.Event(), PackedEngine.run

    def held(self: PackedEngine, rows: Any) -> Any:
        computing.set()
        go_on.wait(10)
        return logits(self, rows)

    monkeypatch.setattr(PackedEngine, "run", held)
    async with anyio.create_task_group() as group:
        group.start_soon(rerank, model, QUERY, ["paris"])
        while not computing.is_set():
            await anyio.sleep(0.005)
        late = await rerank(model, QUERY, ["paris", "pasta"], deadline=0.05)
        with pytest.raises(RerankAbortedError):
            await rerank(model, QUERY, ["paris"], abort_event=CountingToken(set_from=4))
        go_on.set()

    assert [hit.metadata["scored"] for hit in late] == [False, False]
    assert [hit.index for hit in late] == [0, 1]
