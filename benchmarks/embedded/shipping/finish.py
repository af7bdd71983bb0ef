"""From a checkpoint to a model folder with calibrated head and both graphs: `python -m benchmarks.embedded.shipping.finish`.

The scale and bias of the scores are fitted on the development lists of people's questions and put into the last layer (of a
late-interaction model into `localrank.json`), so that scores read as probabilities, in the same order as before.
"""

from __future__ import annotations

import gzip
import json
import shutil
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.common.options import script_parser
from benchmarks.embedded.choosing.choose import read_development
from benchmarks.embedded.measuring.calibrate import fit_scores
from localrank_transformers.optimizing.optimize import Candidates, optimize
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.fitting.fitting import load_model, trains_in_bf16
from localrank_transformers.training.fitting.watching import list_logits
from localrank_transformers.training.model.head import map_output
from localrank_transformers.training.request import TrainSettings

_PEOPLE = ("medquad qa", "squad qa", "docs faq")
_SMOOTHING_LISTS = 240


def main() -> int:
    """Calibrate, write the weights, write the graphs."""
    parser = script_parser(__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder that prepare wrote")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    kinds = read_development(arguments.data / "dev.jsonl.gz", 60, 30)
    lists = [one for name in _PEOPLE for one in kinds.get(name, [])]
    model = load_model(arguments.checkpoint, TrainSettings())
    found = list_logits(model, lists, bf16=trains_in_bf16(model.device.type))
    logits = np.asarray([value for own in found for value in own])
    labels = np.asarray([float(label > 0) for one in lists for label in one.labels or ()])
    fit = fit_scores(logits, labels)
    print(f"{len(labels)} pairs: temperature {fit.temperature:.3f}, bias {fit.bias:+.3f}", flush=True)
    shutil.copytree(arguments.checkpoint, arguments.out, dirs_exist_ok=True)
    map_output(model[0].model, 1 / fit.temperature, fit.bias / fit.temperature)
    model[0].model.float().save_pretrained(arguments.out)
    agreement = optimize(
        arguments.out,
        arguments.out,
        candidates=_candidates(arguments.data / "train.jsonl.gz"),
        on_step=print,
    )
    print(agreement)
    return 0


def _candidates(path: Path) -> list[Candidates]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in islice(lines, _SMOOTHING_LISTS)]
    lists = [TrainingList(row["query"], tuple(row["documents"])) for row in rows]
    return [Candidates(one.query, one.documents[:8]) for one in lists]


if __name__ == "__main__":
    raise SystemExit(main())
