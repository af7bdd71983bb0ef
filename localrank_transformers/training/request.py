"""What a training run takes and tells: its settings, checked once and kept beside the checkpoints, its progress, its result."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from localrank.contract.errors import InvalidRequestError
from localrank.providers.arguments import check_choice, check_count, check_integer
from localrank.providers.files import replace_file

__all__ = [
    "RECORD",
    "WORK",
    "Calibrated",
    "Device",
    "Dtype",
    "Loss",
    "MiningSettings",
    "Progress",
    "StudentShape",
    "TrainRequest",
    "TrainResult",
    "TrainSettings",
    "has_run",
    "load_request",
    "save_request",
]

Loss: TypeAlias = Literal["mix", "listwise-ce", "distill", "bce", "lambda"]

Device: TypeAlias = Literal["auto", "cpu", "cuda"]

Dtype: TypeAlias = Literal["auto", "bf16", "fp32"]


_OF_SCORES: tuple[Loss, ...] = ("mix", "distill")

_LOSSES_OF: dict[str, tuple[Loss, ...]] = {"hard": ("mix",), "bce": ("mix",), "temperature": _OF_SCORES}
"""Settings that some losses alone look at."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train.

    Attributes:
        loss: `mix`: cross-entropy over each list against `hard` parts of the label and the rest of the soft distribution, plus
            `bce` times the binary cross-entropy of each pair. `listwise-ce`: the label alone. `distill`: the soft distribution
            alone. `bce`: each pair by itself. `lambda`: LambdaLoss (Wang et al. 2018), for graded labels.
        hard: In `mix`, the label's share of the target where a list has both labels and scores.
        bce: In `mix`, the weight of the binary cross-entropy.
        temperature: Scores are divided by it before the softmax that makes the soft distribution.
        epochs: Passes over the data; a fraction is allowed.
        steps: Instead of `epochs`: optimizer steps.
        batch_size: Lists a step.
        list_size: Documents of a list that are read at a time: a positive, and others drawn anew each time.
        max_length: Tokens of a pair, or of a late-interaction model's query or document; None takes 256, or less where the
            weights read less.
        learning_rate: At its peak, after a tenth of the steps; it then falls to 0 in a line.
        weight_decay: Of AdamW.
        seed: Of order, draws and new weights.
        device: `auto` takes CUDA where there is one.
        dtype: `auto` takes bf16 arithmetic where the device has it; weights stay in float32.
        measure_every: Steps between two measurements on the development set; None means ten in the run.
        patience: Measurements without a gain after which training ends; None means never.
        mini_batch: Pairs computed at once, of the most similar lengths of a step.
    """

    loss: Loss = "mix"
    hard: float = 0.7
    bce: float = 0.3
    temperature: float = 1.0
    epochs: float = 1.0
    steps: int | None = None
    batch_size: int = 8
    list_size: int = 8
    max_length: int | None = None
    learning_rate: float = 5e-5
    weight_decay: float = 0.01
    seed: int = 12
    device: Device = "auto"
    dtype: Dtype = "auto"
    measure_every: int | None = None
    patience: int | None = 4
    mini_batch: int = 16

    def __post_init__(self) -> None:
        for name, kind in (("loss", Loss), ("device", Device), ("dtype", Dtype)):
            check_choice(name, getattr(self, name), get_args(kind))
        least = {"list_size": 2, "max_length": 16}
        for name in ("batch_size", "mini_batch", "steps", "measure_every", "patience", *least):
            count = check_count(name, getattr(self, name), least=least.get(name, 1))
            object.__setattr__(self, name, count)
        object.__setattr__(self, "seed", check_integer("seed", self.seed))
        for name in ("epochs", "learning_rate", "temperature"):
            if getattr(self, name) <= 0:
                raise InvalidRequestError(
                    f"{name} is {getattr(self, name)!r}.", hint="Pass a number above 0."
                )
        if not 0 <= self.hard <= 1 or self.bce < 0:
            raise InvalidRequestError(
                f"hard is {self.hard!r} and bce is {self.bce!r}.", hint="hard is in 0–1, bce at least 0."
            )
        self._refuse_void()

    def _refuse_void(self) -> None:
        default = {setting.name: setting.default for setting in fields(self)}
        for name, losses in _LOSSES_OF.items():
            if getattr(self, name) != default[name] and self.loss not in losses:
                raise InvalidRequestError(
                    f"{name} is {getattr(self, name)!r}, which the loss {self.loss!r} does not look at.",
                    hint=f"Leave it out, or choose the loss {' or '.join(map(repr, losses))}.",
                )
        if self.steps is not None and self.epochs != default["epochs"]:
            raise InvalidRequestError(
                f"epochs is {self.epochs!r} and steps is {self.steps!r}, which takes its place.",
                hint="Pass one of them.",
            )


@dataclass(frozen=True, slots=True)
class MiningSettings:
    """Which of the texts found become negatives.

    Attributes:
        count: Negatives a query.
        skip_first: The best ranks that are passed over, where an unjudged answer is most likely.
        depth: The last rank that is looked at.
        margin: A text whose score is above this share of the lowest positive's score is passed over: it may be an answer
            that nobody marked. Used where positives have scores on the same scale; None for BM25, whose scores say little.
        random_share: This part of the negatives is drawn from the whole collection, so that the model also learns what is
            plainly irrelevant.
    """

    count: int = 15
    skip_first: int = 0
    depth: int = 60
    margin: float | None = None
    random_share: float = 0.2

    def __post_init__(self) -> None:
        for name in ("count", "skip_first", "depth"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name)))
        if self.count < 1 or self.skip_first < 0 or self.depth <= self.skip_first:
            raise InvalidRequestError(
                f"count is {self.count}, skip_first {self.skip_first} and depth {self.depth}.",
                hint="count is at least 1, and depth above skip_first.",
            )
        if not 0 <= self.random_share <= 1:
            raise InvalidRequestError(f"random_share is {self.random_share}.", hint="Pass a number in 0–1.")


WORK = "run"
"""The folder in `out` that holds what a resumed run needs; it goes when the model is done, unless it is to be kept."""

RECORD = "training.json"
"""The file in `out` that is written last: a folder that has it is whole."""

_FILE = "request.json"


@dataclass(frozen=True, slots=True)
class StudentShape:
    """A smaller model to make of the base; None keeps what the base has."""

    layers: int | None = None
    hidden: int | None = None

    def __post_init__(self) -> None:
        for name in ("layers", "hidden"):
            object.__setattr__(self, name, check_count(name, getattr(self, name)))


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """The arguments of `train`.

    Attributes:
        data: Files and BEIR folders to learn from.
        out: The folder to write.
        base: The weights to start from: an embedded model's name, a folder, an alias or a hub id.
        dev: Files and BEIR folders to measure on; empty keeps a part of `data` apart.
        dev_share: How much of `data`, where `dev` is empty.
        teacher: A model whose scores are learnt, in any form that `localrank.rerank` takes; None takes those in the data.
        student: A smaller shape.
        negatives: "bm25", or a bi-encoder's folder or hub id that sentence-transformers loads.
        mining: How many negatives, and which.
        settings: How to train.
        keep_checkpoints: Whether the folder `run` in `out`, which a finished run needs no more, stays: the last states with
            those of the optimizer, several times the size of the model.
    """

    data: tuple[Path, ...]
    out: Path
    base: str = "localrank-mini"
    dev: tuple[Path, ...] = ()
    dev_share: float = 0.1
    teacher: str | None = None
    student: StudentShape = StudentShape()
    negatives: str = "bm25"
    mining: MiningSettings = field(default_factory=MiningSettings)
    settings: TrainSettings = field(default_factory=TrainSettings)
    keep_checkpoints: bool = False

    def __post_init__(self) -> None:
        loss = self.settings.loss
        if self.teacher is not None and loss not in _OF_SCORES:
            raise InvalidRequestError(
                f"teacher is {self.teacher!r}, and the loss {loss!r} learns from labels alone.",
                hint=f"Leave it out, or choose the loss {' or '.join(map(repr, _OF_SCORES))}.",
            )
        share = next(setting.default for setting in fields(self) if setting.name == "dev_share")
        if self.dev and self.dev_share != share:
            raise InvalidRequestError(
                f"dev_share is {self.dev_share!r}, and dev names what is measured on.",
                hint="Pass one of them.",
            )


def save_request(request: TrainRequest, folder: Path) -> None:
    """Write the request to `folder`."""
    replace_file(folder / _FILE, json.dumps(asdict(request), indent=2, default=str) + "\n")


def has_run(out: Path) -> bool:
    """Return whether a run was begun in `out`, so that `resume` goes on with it."""
    return (out / WORK / _FILE).is_file()


def load_request(folder: Path) -> TrainRequest:
    """Read what `save_request` wrote.

    Raises:
        InvalidRequestError: There is none: nothing was begun here.
    """
    try:
        stated: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequestError(
            f"{folder} holds no run to resume.", hint="Pass the folder of a run that was interrupted."
        ) from error
    return TrainRequest(
        **stated
        | {
            "data": tuple(map(Path, stated["data"])),
            "dev": tuple(map(Path, stated["dev"])),
            "out": Path(stated["out"]),
            "student": StudentShape(**stated["student"]),
            "mining": MiningSettings(**stated["mining"]),
            "settings": TrainSettings(**stated["settings"]),
        }
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is.

    Attributes:
        step: Steps done.
        total: Steps of the whole run.
        loss: The mean loss since the last report, or None.
        development: The development measure, where it was just taken.
    """

    step: int
    total: int
    loss: float | None = None
    development: float | None = None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How well a score reads as a probability, on the development set.

    Attributes:
        scale: What logits were multiplied by; it is inside the weights. 1 where that did not help.
        shift: What was then added; likewise, 0 where it did not help.
        before: Expected calibration error of sigmoid(logit) in ten bins, before.
        after: The same, after.
        pairs: How many labelled pairs it was measured on.
    """

    scale: float
    shift: float
    before: float
    after: float
    pairs: int


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run came to.

    Attributes:
        out: The folder of the model, or of the checkpoints where it was stopped.
        finished: False after Ctrl-C; `resume` then goes on.
        steps: Steps done.
        total: Steps planned.
        first_stage: nDCG@10 of the development lists' own order.
        before: nDCG@10 of the start weights.
        after: nDCG@10 of the trained weights in float32; None where it was stopped.
        int8: nDCG@10 of the int8 graph; None where it was stopped, or the architecture has none.
        calibrated: None where it was stopped.
        seconds: Time spent training, in this run.
    """

    out: Path
    finished: bool
    steps: int
    total: int
    first_stage: float
    before: float
    after: float | None = None
    int8: float | None = None
    calibrated: Calibrated | None = None
    seconds: float = 0.0
