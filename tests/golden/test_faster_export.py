"""Exports of torch, of both exporters and both ways to compute attention, are recognised and keep their scores."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

import torch
import transformers

from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import OnnxEngine
from localrank_transformers.models.folder.model_files import ModelFiles
from localrank_transformers.models.folder.reading import read_folder
from localrank_transformers.optimizing.exactness import check_width
from localrank_transformers.optimizing.kept.faster import faster
from localrank_transformers.optimizing.making import family_of, list_rows
from localrank_transformers.optimizing.sample_texts import Candidates
from tests.support import torch_models

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KINDS = ["bert", "bert-two-labels", "electra", "roberta", "xlm-roberta"]
NAMES = ("input_ids", "attention_mask", "token_type_ids")


class Pairs(torch.nn.Module):
    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.module(input_ids=input_ids, attention_mask=attention_mask, **types).logits


def export(folder: Path, kind: str, attention: str, *, dynamo: bool, segments: bool = True) -> Path:
    torch_models.build_encoder(folder, kind, initializer_range=0.1)
    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation=attention
    )
    module = Pairs(loaded.eval()).eval()
    names = NAMES[: 3 if segments and loaded.config.type_vocab_size > 1 else 2]
    ids = torch.full((2, 8), 4)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    given = (ids, mask, torch.zeros_like(ids))[: len(names)]
    (folder / "onnx").mkdir()
    path = str(folder / "onnx/model.onnx")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
            program = torch.onnx.export(
                module,
                given,
                input_names=list(names),
                output_names=["logits"],
                dynamic_shapes=tuple(shape for _ in names),
                opset_version=18,
                dynamo=True,
                verbose=False,
            )
            program.save(path)
        else:
            axes = {name: {0: "batch", 1: "sequence"} for name in names}
            torch.onnx.export(
                module,
                given,
                path,
                input_names=list(names),
                output_names=["logits"],
                dynamic_axes=axes,
                opset_version=14,
                dynamo=False,
            )
    return folder


def rows(files: ModelFiles) -> list[Row]:
    texts = ("the capital of france", "", "retrieval " * 50)
    return list_rows(family_of(files), Candidates("what is rag", texts))


def check(folder: Path) -> None:
    files = read_folder(folder, "fp32")
    found = faster(files)
    assert found.onnx != files.onnx
    assert isinstance(found.onnx, Path)
    own, made = (OnnxEngine(one.onnx, pad_id=0).request() for one in (files, found))
    for row in rows(files):
        np.testing.assert_allclose(made.run([row]), own.run([row]), atol=1e-5, rtol=1e-5)
    check_width(found.onnx.read_bytes(), rows(files))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_older_exporter(tmp_path: Path, kind: str, attention: str) -> None:
    check(export(tmp_path / "m", kind, attention, dynamo=False))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_newer_exporter(tmp_path: Path, kind: str, attention: str) -> None:
    check(export(tmp_path / "m", kind, attention, dynamo=True))


def test_an_export_that_reads_no_segments(tmp_path: Path) -> None:
    check(export(tmp_path / "m", "bert", "eager", dynamo=False, segments=False))
