"""Training on sentence-transformers' trainer: start weights, losses, a run that improves, a run that goes on."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("datasets")
pytest.importorskip("ir_measures")
losses = pytest.importorskip("sentence_transformers.cross_encoder.losses")

from localrank.contract.errors import InvalidRequestError  # noqa: E402
from localrank.contract.model import DoRerankOptions  # noqa: E402
from localrank_transformers import OnnxReranker, TorchReranker  # noqa: E402
from localrank_transformers.optimizing.agreement import compare  # noqa: E402
from localrank_transformers.optimizing.sample_texts import sample_candidates  # noqa: E402
from localrank_transformers.training import (  # noqa: E402
    Progress,
    StudentShape,
    TrainRequest,
    TrainSettings,
    resume,
    train,
)
from localrank_transformers.training.fitting import load_model  # noqa: E402
from localrank_transformers.training.lists import TrainingList  # noqa: E402
from localrank_transformers.training.losses import ListwiseMixLoss  # noqa: E402
from localrank_transformers.training.start import write_start  # noqa: E402
from localrank_transformers.training.teacher import logits_by  # noqa: E402
from localrank_transformers.training.watching import StopSwitch, list_logits  # noqa: E402

TINY = StudentShape(layers=1, hidden=32)
SETTINGS = TrainSettings(
    steps=24, batch_size=8, list_size=4, max_length=32, learning_rate=3e-3, device="cpu", seed=1
)
TOPICS = ("bread", "rain", "gears", "violins", "whales", "taxes", "chess", "moss", "trains", "salt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    write_start("localrank-mini", folder, shape=StudentShape(), seed=1)
    return folder


def pairs(path: Path, count: int) -> Path:
    """Answers differ from the rest by how they begin, which even the smallest model can learn."""
    dice = random.Random(4)
    with path.open("w") as stream:
        for number in range(count):
            topic, other = dice.sample(TOPICS, 2)
            negatives = [
                f"nobody knows of {topic} {number}",
                f"nobody knows of {other}",
                f"nobody asked {number}",
            ]
            record = {
                "query": f"{topic} {number}",
                "documents": [*negatives, f"indeed {topic} {number}"],
                "labels": [0, 0, 0, 1],
            }
            stream.write(json.dumps(record | {"licence": "CC0-1.0"}) + "\n")
    return path


def sample_lists() -> list[TrainingList]:
    texts = (
        "Rust is an oxide of iron.",
        "Bread is baked from dough.",
        "Tides follow the moon.",
        "Iron is a metal.",
    )
    return [
        TrainingList(query, texts) for query in ("what is rust", "how is bread made", "why are there tides")
    ]


def test_the_embedded_models_weights_rank_as_its_int8_graph_does(whole: Path) -> None:
    lists = [TrainingList(one.query, one.documents) for one in sample_candidates()]
    ours = list_logits(load_model(whole, TrainSettings(device="cpu", max_length=512)), lists)
    agreement = compare(logits_by(OnnxReranker(), lists), ours)
    assert agreement.spearman > 0.99
    assert agreement.mean_change < 0.05


def test_a_smaller_model_of_all_layers_and_the_whole_width_is_the_model_itself(
    whole: Path, tmp_path: Path
) -> None:
    write_start(str(whole), tmp_path, shape=StudentShape(layers=6, hidden=384), seed=1)
    ours, theirs = (list_logits(load_model(folder, SETTINGS), sample_lists()) for folder in (tmp_path, whole))
    for own, their in zip(ours, theirs, strict=True):
        assert own == pytest.approx(their, abs=1e-4)


@torch.no_grad()
def test_the_mix_without_pairs_is_list_net_loss_against_the_same_distribution(whole: Path) -> None:
    model = load_model(whole, SETTINGS)
    one = sample_lists()[0]
    goal = torch.tensor([0.7, 0.1, 0.1, 0.1])
    inputs = [[one.query], [list(one.documents)]]
    mixed = ListwiseMixLoss(model, bce=0.0, mini_batch=2)(inputs, [torch.stack([goal, goal], dim=1)])
    assert float(mixed) == pytest.approx(float(losses.ListNetLoss(model)(inputs, [goal.log()])), abs=1e-4)


@torch.no_grad()
def test_the_mix_without_lists_is_binary_cross_entropy(whole: Path) -> None:
    model = load_model(whole, SETTINGS)
    one = sample_lists()[0]
    labels = torch.tensor([1.0, 0.0, 0.0, 0.0])
    mixed = ListwiseMixLoss(model, bce=1.0, listwise=0.0)(
        [[one.query], [list(one.documents)]], [torch.stack([labels, labels], dim=1)]
    )
    theirs = losses.BinaryCrossEntropyLoss(model)([[one.query] * 4, list(one.documents)], labels)
    assert float(mixed) == pytest.approx(float(theirs), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mix", "bce", "lambda"])
def test_two_hundred_pairs_improve_the_measure_and_the_folder_is_loaded_everywhere(
    tmp_path: Path, loss: str
) -> None:
    settings = TrainSettings(
        **{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__} | {"loss": loss}
    )
    seen: list[Progress] = []
    result = train(
        TrainRequest(
            (pairs(tmp_path / "pairs.jsonl", 200),), tmp_path / "out", student=TINY, settings=settings
        ),
        on_progress=seen.append,
    )
    assert result.finished
    assert result.after is not None
    assert result.int8 is not None
    assert result.after > max(result.before, result.first_stage) + 0.1
    assert result.int8 > result.before
    assert seen[-1].total == 24
    options = DoRerankOptions("bread 7", ("nobody knows of bread 7", "indeed bread 7"))
    for reranker in (
        OnnxReranker(tmp_path / "out", precision="fp32"),
        TorchReranker(tmp_path / "out", device="cpu"),
    ):
        first = logits_by(reranker, [TrainingList(options.query, options.documents)])[0]
        assert first[1] > first[0]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| CC0-1.0 | not stated | 180 |" in card
    assert f"| this model, float32 | {result.after:.4f} |" in card


@pytest.mark.slow
def test_an_interrupted_run_is_saved_and_goes_on_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches: list[StopSwitch] = []
    made = StopSwitch.__init__
    monkeypatch.setattr(StopSwitch, "__init__", lambda self: (made(self), switches.append(self))[0])

    def stop_at_five(progress: Progress) -> None:
        if progress.step == 5:
            switches[0].is_on = True

    request = TrainRequest(
        (pairs(tmp_path / "pairs.jsonl", 60),), tmp_path / "out", student=TINY, settings=SETTINGS
    )
    stopped = train(request, on_progress=stop_at_five)
    assert (stopped.finished, stopped.steps, stopped.total) == (False, 5, 24)
    steps: list[int] = []
    done = resume(tmp_path / "out", on_progress=lambda progress: steps.append(progress.step))
    assert done.finished
    assert steps[0] == 6
    assert done.steps <= 24


@pytest.mark.slow
def test_a_run_that_was_stopped_while_its_graphs_were_written_is_finished_without_another_step(
    tmp_path: Path,
) -> None:
    settings = TrainSettings(steps=3, batch_size=4, list_size=4, max_length=32, device="cpu", seed=1)
    out = tmp_path / "out"
    request = TrainRequest((pairs(tmp_path / "pairs.jsonl", 30),), out, student=TINY, settings=settings)

    def stop_at_the_graphs(step: str) -> None:
        if step == "float32 graph":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(request, on_step=stop_at_the_graphs)
    steps: list[int] = []
    done = resume(out, on_progress=lambda progress: steps.append(progress.step))
    assert (done.finished, done.steps, done.total, steps) == (True, 3, 3, [])
    assert (out / "onnx/model_int8.onnx").is_file()
    with pytest.raises(InvalidRequestError, match="is finished"):
        resume(out)
