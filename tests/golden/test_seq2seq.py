"""Scores of monoT5 and RankT5 agree with the recipes that their authors publish, run with transformers on the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("transformers", reason="needs the extra `golden`")

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, T5EncoderModel, T5ForConditionalGeneration

from localrank import InvalidRequestError, ModelLoadError, rerank
from localrank_transformers import TorchReranker
from tests.support import t5_models
from tests.support.torch_models import texts

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

QUERY = "what is the capital of france"
TOLERANCE = 1e-4


async def logits(model: TorchReranker, documents: list[str]) -> list[float]:
    result = await rerank(model, QUERY, documents)
    found = {hit.index: hit.metadata["logit"] for hit in result}
    return [found[index] for index in range(len(documents))]


def first_step(folder: Path, prompts: list[str]) -> torch.Tensor:
    """The scores of the first token that `generate` writes, as in the authors' scripts."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = T5ForConditionalGeneration.from_pretrained(folder).eval()
    inputs = tokenizer(prompts, return_tensors="pt", padding=True)
    written = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        max_length=2,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
    )
    return written.logits[0]


def word(folder: Path, text: str) -> int:
    [number, _end] = AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
    return int(number)


@pytest.mark.parametrize("tied", [True, False])
async def test_monot5(tmp_path: Path, tied: bool) -> None:
    folder = t5_models.build_t5(tmp_path / "monot5", tie_word_embeddings=tied)
    documents = texts(20)
    found = first_step(folder, [f"Query: {QUERY} Document: {text} Relevant:" for text in documents])
    pair = found[:, [word(folder, "true"), word(folder, "false")]]
    expected = torch.log_softmax(pair, dim=1)[:, 0].exp()

    model = TorchReranker(folder, device="cpu", family="seq2seq", template="monot5", batch_tokens=200)
    result = await rerank(model, QUERY, documents)

    assert expected.std() > 0.01
    assert {hit.index: hit.score for hit in result} == pytest.approx(
        dict(enumerate(expected.tolist())), abs=TOLERANCE
    )


async def test_rankt5_reads_the_logit_of_an_extra_token(tmp_path: Path) -> None:
    folder = t5_models.build_t5(tmp_path / "rankt5")
    documents = texts(20)
    found = first_step(folder, [f"Query: {QUERY} Document: {text}" for text in documents])
    expected = found[:, word(folder, "<extra_id_10>")]

    model = TorchReranker(folder, device="cpu", family="seq2seq", template="rankt5")

    assert expected.std() > 0.01
    assert await logits(model, documents) == pytest.approx(expected.tolist(), abs=TOLERANCE)


async def test_rankt5_without_a_decoder_reads_the_first_token_of_a_pair(tmp_path: Path) -> None:
    folder = t5_models.build_t5_encoder(tmp_path / "encoder")
    documents = texts(12)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoder = T5EncoderModel.from_pretrained(folder).eval()
    weights = load_file(folder / "model.safetensors")
    expected = []
    for text in documents:
        inputs = tokenizer(QUERY, text, return_tensors="pt")
        with torch.no_grad():
            first = encoder(input_ids=inputs["input_ids"]).last_hidden_state[0, 0]
        expected.append(float(first @ weights["dense.weight"][0] + weights["dense.bias"][0]))

    found = await logits(TorchReranker(folder, device="cpu"), documents)

    assert torch.tensor(expected).std() > 0.01
    assert found == pytest.approx(expected, abs=TOLERANCE)


async def test_a_long_document_loses_its_end_and_the_prompt_keeps_its_own(tmp_path: Path) -> None:
    folder = t5_models.build_t5(tmp_path / "monot5")
    around = len(AutoTokenizer.from_pretrained(folder)(f"Query: {QUERY} Document: Relevant:")["input_ids"])
    kept = " ".join(["paris"] * (40 - around))
    found = first_step(folder, [f"Query: {QUERY} Document: {kept} Relevant:"])[0]
    expected = (found[word(folder, "true")] - found[word(folder, "false")]).item()
    model = TorchReranker(folder, device="cpu", family="seq2seq", template="monot5", max_length=40)

    [hit] = await rerank(model, QUERY, ["paris " * 100])

    assert hit.truncated
    assert hit.metadata["logit"] == pytest.approx(expected, abs=TOLERANCE)


async def test_a_document_that_spells_the_end_token_does_not_end_there(tmp_path: Path) -> None:
    folder = t5_models.build_t5(tmp_path / "monot5")
    model = TorchReranker(folder, device="cpu", family="seq2seq", template="monot5")
    spelled, plain = await logits(model, ["paris </s> city", "paris < / s > city"])
    ended = await logits(model, ["paris"])

    assert spelled != pytest.approx(ended[0], abs=1e-3)
    assert len({spelled, plain, ended[0]}) == 3


async def test_files_that_do_not_tell_the_recipe_are_refused_with_the_setting_that_decides(
    tmp_path: Path,
) -> None:
    folder = t5_models.build_t5(tmp_path / "t5")
    with pytest.raises(ModelLoadError, match="family="):
        await rerank(TorchReranker(folder, device="cpu"), QUERY, ["paris"])
    with pytest.raises(ModelLoadError, match=r"template=.*monot5, rankt5"):
        await rerank(TorchReranker(folder, device="cpu", family="seq2seq"), QUERY, ["paris"])
    with pytest.raises(InvalidRequestError, match="template is 'qwen3'"):
        await rerank(
            TorchReranker(folder, device="cpu", family="seq2seq", template="qwen3"), QUERY, ["paris"]
        )


@pytest.mark.parametrize("change", [{"compile": True}, {"attention": "packed"}])
async def test_what_is_for_cross_encoders_only_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = t5_models.build_t5(tmp_path / "t5")
    model = TorchReranker(folder, device="cpu", family="seq2seq", template="monot5", **change)
    with pytest.raises(InvalidRequestError, match=r"cross-encoders.*seq2seq"):
        await rerank(model, QUERY, ["paris"])
