"""The doctor says what torch would compute on."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("transformers", reason="needs the extra `golden`")

import torch

from localrank.contract.errors import MissingDependencyError
from localrank.providers.diagnosis import Finding
from localrank_transformers.commands import diagnosis
from localrank_transformers.models.cpu_features import bf16_is_faster


def torch_finding() -> Finding:
    return next(one for section in diagnosis.diagnose() for one in section.findings if one.name == "torch")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_the_doctor_says_what_auto_means_here() -> None:
    found = torch_finding()
    precision = "bf16" if bf16_is_faster() else "fp32"
    assert found.state == "ok"
    assert found.value == (
        f"{torch.__version__}; TorchReranker would use cpu in {precision}, packed attention for BERT and its kin"
    )


def test_torch_without_transformers_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingDependencyError("transformers is not installed.")

    monkeypatch.setattr(diagnosis, "require_packages", missing)
    assert torch_finding().state == "broken"
