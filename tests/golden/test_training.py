"""Training on sentence-transformers' trainer: start weights, losses, a run that improves, a run that goes on."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("datasets")
pytest.importorskip("ir_measures")
losses = pytest.importorskip("sentence_transformers.cross_encoder.losses")

from safetensors.torch import load_file  # noqa: E402
from sentence_transformers import MultiVectorEncoder  # noqa: E402

from localrank.contract.errors import InvalidRequestError  # noqa: E402
from localrank_transformers import OnnxReranker, TorchReranker  # noqa: E402
from localrank_transformers.models.folder.card import card_languages  # noqa: E402
from localrank_transformers.models.folder.model_files import TOKENIZER_FILES  # noqa: E402
from localrank_transformers.optimizing.exactness import compare  # noqa: E402
from localrank_transformers.optimizing.sample_texts import sample_candidates  # noqa: E402
from localrank_transformers.training import (  # noqa: E402
    Progress,
    StudentShape,
    TrainRequest,
    TrainSettings,
    resume,
    train,
)
from localrank_transformers.training.data.lists import TrainingList  # noqa: E402
from localrank_transformers.training.data.preparing import read_prepared  # noqa: E402
from localrank_transformers.training.data.teacher import logits_by  # noqa: E402
from localrank_transformers.training.fitting.fitting import load_model  # noqa: E402
from localrank_transformers.training.fitting.losses import ListwiseMixLoss  # noqa: E402
from localrank_transformers.training.fitting.watching import StopSwitch, list_logits  # noqa: E402
from localrank_transformers.training.model.late_folder import read_head, write_head  # noqa: E402
from localrank_transformers.training.model.start import write_start  # noqa: E402
from localrank_transformers.training.publishing.calibrating import expected_error  # noqa: E402
from tests.support.trainable_models import build_cross_encoder, build_late  # noqa: E402

BASES: dict[str, Callable[[Path], Path]] = {"cross-encoder": build_cross_encoder, "late": build_late}
SETTINGS = TrainSettings(
    steps=24, batch_size=8, list_size=4, max_length=32, learning_rate=3e-3, device="cpu", dtype="fp32", seed=1
)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: build(tmp_path_factory.mktemp(kind)) for kind, build in BASES.items()}


@pytest.fixture(params=list(BASES))
def base(request: pytest.FixtureRequest, bases: dict[str, Path]) -> Path:
    return bases[request.param]


def pairs(path: Path, count: int) -> Path:
    """Answers differ from the rest by how they begin, which even the smallest model can learn."""
    dice = random.Random(4)
    with path.open("w") as stream:
        for number in range(count):
            topic, other = dice.sample(range(200), 2)
            negatives = [f"of w{topic} w{number}", f"of w{other}", f"a w{number}"]
            record = {
                "query": f"w{topic} w{number}",
                "documents": [*negatives, f"in w{topic} w{number}"],
                "labels": [0, 0, 0, 1],
            }
            stream.write(json.dumps(record | {"licence": "CC0-1.0"}) + "\n")
    return path


def sample_lists() -> list[TrainingList]:
    texts = ("rag is retrieval", "what is the capital of france and a port", "pasta w7", "a city w7 w8 w9")
    return [TrainingList(query, texts) for query in ("what is rag", "how does pasta w7", "capital")]


def test_the_embedded_models_weights_rank_as_its_int8_graph_does(tmp_path: Path) -> None:
    write_start("localrank-mini", tmp_path, shape=StudentShape(), seed=1)
    lists = [TrainingList(one.query, one.documents) for one in sample_candidates()]
    ours = list_logits(load_model(tmp_path, TrainSettings(device="cpu", max_length=512)), lists)
    agreement = compare(logits_by(OnnxReranker(), lists), ours)
    assert agreement.spearman > 0.99
    assert agreement.mean_change < 0.1


def test_start_weights_say_which_languages_their_base_reads(bases: dict[str, Path], tmp_path: Path) -> None:
    for name, (start, languages) in {
        "localrank-mini": ("mini", ("en",)),
        str(bases["late"]): ("late", ()),
    }.items():
        write_start(name, tmp_path / start, shape=StudentShape(), seed=1)
        assert card_languages(tmp_path / start) == languages


def test_a_smaller_model_of_all_layers_and_the_whole_width_is_the_model_itself(
    base: Path, tmp_path: Path
) -> None:
    write_start(str(base), tmp_path, shape=StudentShape(layers=2, hidden=32), seed=1)
    ours, theirs = (list_logits(load_model(folder, SETTINGS), sample_lists()) for folder in (tmp_path, base))
    for own, their in zip(ours, theirs, strict=True):
        assert own == pytest.approx(their, abs=1e-4)


@pytest.mark.parametrize("name", TOKENIZER_FILES)
def test_start_weights_have_every_file_that_says_how_their_base_reads_texts(
    base: Path, tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(base, tmp_path / "base")
    if not (folder / name).exists():
        (folder / name).write_text("{}")
    write_start(str(folder), tmp_path / "start", shape=StudentShape(), seed=1)
    assert (tmp_path / "start" / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("inside", ["", "weights"])
def test_start_weights_are_not_written_over_their_own_base(
    bases: dict[str, Path], tmp_path: Path, inside: str
) -> None:
    base = shutil.copytree(bases["late"], tmp_path / "start" / inside, dirs_exist_ok=True)
    with pytest.raises(InvalidRequestError, match="base"):
        write_start(str(base), tmp_path / "start", shape=StudentShape(), seed=1)
    assert (base / "model.safetensors").is_file()


def test_a_smaller_late_model_is_late(bases: dict[str, Path], tmp_path: Path) -> None:
    write_start(str(bases["late"]), tmp_path, shape=StudentShape(layers=1, hidden=16), seed=1)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_size"], config["num_attention_heads"]) == (1, 16, 2)
    assert read_head(tmp_path) == read_head(bases["late"])
    assert len(list_logits(load_model(tmp_path, SETTINGS), sample_lists())) == 3


def test_start_weights_have_no_dropout(base: Path, tmp_path: Path) -> None:
    write_start(str(base), tmp_path, shape=StudentShape(), seed=1)
    model = load_model(tmp_path, SETTINGS)
    assert {one.p for one in model.modules() if isinstance(one, torch.nn.Dropout)} == {0.0}


def test_a_late_logit_is_scale_times_the_mean_of_best_cosines_plus_bias(bases: dict[str, Path]) -> None:
    folder = bases["late"]
    theirs = MultiVectorEncoder(str(folder), device="cpu")
    assert theirs.similarity_fn_name == "meanmaxsim"
    logit = read_head(folder)
    for one, own in zip(
        sample_lists(), list_logits(load_model(folder, SETTINGS), sample_lists()), strict=True
    ):
        cosines = theirs.similarity(
            theirs.encode_query([one.query]), theirs.encode_document(list(one.documents))
        )
        assert own == pytest.approx((logit.scale * cosines[0] + logit.bias).tolist(), abs=1e-4)


def test_training_counts_tokens_by_length_as_serving_does(tmp_path: Path) -> None:
    folder = build_late(tmp_path, by_length=True)
    own = list_logits(load_model(folder, SETTINGS), sample_lists())
    theirs = logits_by(TorchReranker(folder, device="cpu", dtype="fp32"), sample_lists())
    write_head(folder, replace(read_head(folder), by_length=False))
    plain = list_logits(load_model(folder, SETTINGS), sample_lists())

    assert own[0] == pytest.approx(theirs[0], abs=1e-4)
    assert own[0] != pytest.approx(plain[0], abs=1e-3)


def test_in_bf16_late_logits_are_still_computed_in_float32(bases: dict[str, Path]) -> None:
    model = load_model(bases["late"], SETTINGS)
    own = [value for values in list_logits(model, sample_lists(), bf16=True) for value in values]
    assert any(value != float(torch.tensor(value).bfloat16()) for value in own)


@torch.no_grad()
def test_the_mix_without_pairs_is_list_net_loss_against_the_same_distribution(base: Path) -> None:
    model = load_model(base, SETTINGS)
    one = sample_lists()[0]
    goal = torch.tensor([0.7, 0.1, 0.1, 0.1])
    inputs = [[one.query], [list(one.documents)]]
    mixed = ListwiseMixLoss(model, bce=0.0, mini_batch=2)(inputs, [torch.stack([goal, goal], dim=1)])
    assert float(mixed) == pytest.approx(float(losses.ListNetLoss(model)(inputs, [goal.log()])), abs=1e-4)


@torch.no_grad()
def test_what_pairs_add_to_the_mix_is_binary_cross_entropy(base: Path) -> None:
    model = load_model(base, SETTINGS)
    one = sample_lists()[0]
    labels = torch.tensor([1.0, 0.0, 0.0, 0.0])
    inputs, goals = [[one.query], [list(one.documents)]], [torch.stack([labels, labels], dim=1)]
    without, mixed = (ListwiseMixLoss(model, bce=weight)(inputs, goals) for weight in (0.0, 1.0))
    theirs = losses.BinaryCrossEntropyLoss(model)([[one.query] * 4, list(one.documents)], labels)
    assert float(mixed - without) == pytest.approx(float(theirs), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mix", "bce", "lambda"])
def test_two_hundred_pairs_improve_the_measure_and_the_folder_is_loaded_everywhere(
    base: Path, tmp_path: Path, loss: str
) -> None:
    seen: list[Progress] = []
    out = tmp_path / "out"
    settings = replace(SETTINGS, loss=loss)
    result = train(
        TrainRequest((pairs(tmp_path / "pairs.jsonl", 200),), out, base=str(base), settings=settings),
        on_progress=seen.append,
    )
    assert result.finished
    assert result.after is not None
    assert result.int8 is not None
    assert result.after > max(result.before, result.first_stage) + 0.1
    assert result.int8 > result.before
    assert seen[-1].total == 24
    asked = [TrainingList("w7 w9", ("of w7 w9", "in w7 w9"))]
    exact = logits_by(TorchReranker(out, device="cpu", dtype="fp32"), asked)[0]
    assert exact[1] > exact[0]
    assert logits_by(OnnxReranker(out, precision="fp32"), asked)[0] == pytest.approx(exact, abs=1e-3)
    card = (out / "README.md").read_text()
    assert "| CC0-1.0 | not stated | 180 |" in card
    assert f"| this model, float32 | {result.after:.4f} |" in card
    assert not (out / "run").exists()
    modes = {path.stat().st_mode for path in out.rglob("*") if path.is_file()}
    assert modes == {(tmp_path / "pairs.jsonl").stat().st_mode}
    with pytest.raises(InvalidRequestError, match="a model that was trained already"):
        train(TrainRequest((tmp_path / "pairs.jsonl",), out, base=str(base), settings=settings))


@pytest.mark.slow
def test_a_trained_late_model_says_what_it_is_and_gives_calibrated_probabilities(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    request = TrainRequest(
        (pairs(tmp_path / "pairs.jsonl", 200),),
        out,
        base=str(bases["late"]),
        settings=SETTINGS,
        keep_checkpoints=True,
    )
    calibrated = train(request).calibrated
    assert calibrated is not None
    assert calibrated.after < calibrated.before - 0.1
    model = TorchReranker(out, device="cpu", dtype="fp32")
    assert (model.score_kind, OnnxReranker(out).score_kind) == ("probability", "probability")
    _, dev = read_prepared(out / "run")
    relevant = [label > 0 for one in dev for label in one.labels or ()]
    logits = [value for own in logits_by(model, dev) for value in own]
    assert expected_error(logits, relevant) == pytest.approx(calibrated.after, abs=1e-4)
    theirs = MultiVectorEncoder(str(out), device="cpu")
    cosines = theirs.similarity(
        theirs.encode_query([dev[0].query]), theirs.encode_document(list(dev[0].documents))
    )
    logit = read_head(out)
    assert logits[: len(cosines[0])] == pytest.approx(
        (logit.scale * cosines[0] + logit.bias).tolist(), abs=1e-3
    )
    card = (out / "README.md").read_text()
    assert "A reranker with late interaction" in card
    assert "which is inside `localrank.json`" in card


@pytest.mark.slow
def test_the_best_state_is_what_is_written(base: Path, tmp_path: Path) -> None:
    request = TrainRequest(
        (pairs(tmp_path / "pairs.jsonl", 60),),
        tmp_path / "out",
        base=str(base),
        settings=replace(SETTINGS, steps=8, learning_rate=0.3, measure_every=1, patience=None),
    )
    result = train(request)
    history = [value for _, value in json.loads((tmp_path / "out/training.json").read_text())["history"]]
    assert history[-1] < max(history)
    assert result.after == pytest.approx(max(history))


@pytest.mark.slow
def test_a_run_that_is_interrupted_and_resumed_ends_where_it_would_have_without(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches: list[StopSwitch] = []
    made = StopSwitch.__init__
    monkeypatch.setattr(StopSwitch, "__init__", lambda self: (made(self), switches.append(self))[0])

    def stop_at_five(progress: Progress) -> None:
        if progress.step == 5:
            switches[0].is_on = True

    settings = replace(SETTINGS, steps=8, measure_every=8)
    request = TrainRequest(
        (pairs(tmp_path / "pairs.jsonl", 60),), tmp_path / "out", base=str(base), settings=settings
    )
    stopped = train(request, on_progress=stop_at_five)
    assert (stopped.finished, stopped.steps, stopped.total) == (False, 5, 8)
    steps: list[int] = []
    done = resume(tmp_path / "out", on_progress=lambda progress: steps.append(progress.step))
    assert (done.finished, done.steps, steps[0]) == (True, 8, 6)
    train(replace(request, out=tmp_path / "whole"))
    resumed, whole = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "whole"))
    for name, weights in whole.items():
        assert torch.allclose(weights, resumed[name], atol=1e-6), name


@pytest.mark.slow
def test_a_run_that_was_stopped_while_its_graphs_were_written_is_finished_without_another_step(
    base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    settings = replace(SETTINGS, steps=3, batch_size=4)
    request = TrainRequest((pairs(tmp_path / "pairs.jsonl", 30),), out, base=str(base), settings=settings)

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
