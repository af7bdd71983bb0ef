"""The running average of the weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
load_file = pytest.importorskip("safetensors.torch").load_file

from benchmarks.embedded.training.averaging import AverageWeights  # noqa: E402
from localrank_transformers.models.folder.exported import LateLogit  # noqa: E402
from localrank_transformers.training.model.late_folder import read_head  # noqa: E402


def model(value: float) -> list[SimpleNamespace]:
    inner = torch.nn.Linear(1, 1)
    with torch.no_grad():
        inner.weight.fill_(value)
        inner.bias.fill_(value)
    return [SimpleNamespace(model=inner)]


def written(tmp_path: Path, average: AverageWeights, step: int) -> float:
    average.on_save(None, SimpleNamespace(global_step=step), None)
    return float(load_file(tmp_path / f"averaged-{step}" / "model.safetensors")["weight"])


@pytest.fixture
def average(tmp_path: Path) -> AverageWeights:
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "config.json").write_text("{}")
    return AverageWeights(tmp_path / "start", tmp_path, decay=0.75)


def test_a_step_moves_the_average_by_its_share(tmp_path: Path, average: AverageWeights) -> None:
    average.on_train_begin(None, SimpleNamespace(global_step=0), None, model=model(0.0))
    average.on_step_end(None, SimpleNamespace(global_step=100), None, model=model(1.0))
    assert written(tmp_path, average, 100) == pytest.approx(0.25)
    assert (tmp_path / "averaged-100" / "config.json").read_text() == "{}"


def test_a_resumed_run_goes_on_from_the_written_average(tmp_path: Path, average: AverageWeights) -> None:
    average.on_train_begin(None, SimpleNamespace(global_step=0), None, model=model(0.5))
    written(tmp_path, average, 40)
    average.on_train_begin(None, SimpleNamespace(global_step=40), None, model=model(9.0))
    assert written(tmp_path, average, 41) == pytest.approx(0.5)


def test_a_late_model_is_written_as_encoder_with_its_head_beside_and_resumed_so(
    tmp_path: Path, average: AverageWeights
) -> None:
    inner = torch.nn.Module()
    inner.encoder, inner.head = torch.nn.Linear(2, 2), torch.nn.Linear(1, 1)
    with torch.no_grad():
        inner.head.weight.fill_(20.0)
        inner.head.bias.fill_(-13.0)
    average.on_train_begin(None, SimpleNamespace(global_step=0), None, model=[SimpleNamespace(model=inner)])
    average.on_save(None, SimpleNamespace(global_step=7), None)
    assert set(load_file(tmp_path / "averaged-7" / "model.safetensors")) == {"weight", "bias"}
    assert read_head(tmp_path / "averaged-7") == LateLogit(20.0, -13.0, "sigmoid")

    with torch.no_grad():
        inner.head.weight.fill_(99.0)
    average.on_train_begin(None, SimpleNamespace(global_step=7), None, model=[SimpleNamespace(model=inner)])
    average.on_save(None, SimpleNamespace(global_step=8), None)
    assert read_head(tmp_path / "averaged-8") == LateLogit(20.0, -13.0, "sigmoid")
