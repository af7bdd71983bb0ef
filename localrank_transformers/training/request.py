"""What `train` was called with, written beside the checkpoints so that `resume` needs nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.providers.arguments import check_count
from localrank.providers.files import replace_file
from localrank_transformers.training.settings import MiningSettings, TrainSettings

__all__ = ["WORK", "StudentShape", "TrainRequest", "has_run", "load_request", "save_request"]

WORK = "run"
"""The folder in `out` that holds what a resumed run needs; it may be deleted when the model is done."""

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
        fields: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequestError(
            f"{folder} holds no run to resume.", hint="Pass the folder of a run that was interrupted."
        ) from error
    return TrainRequest(
        **fields
        | {
            "data": tuple(map(Path, fields["data"])),
            "dev": tuple(map(Path, fields["dev"])),
            "out": Path(fields["out"]),
            "student": StudentShape(**fields["student"]),
            "mining": MiningSettings(**fields["mining"]),
            "settings": TrainSettings(**fields["settings"]),
        }
    )
