"""A finished late-interaction model as one more teacher: `python -m benchmarks.embedded.teachers.finished`.

Reads the training lists that `prepare` wrote and writes them with new scores, as `tokens` does by float32 weights. Here
the model's own int8 graph reads each text, once, behind the prefix that its tokenizer may put there. Several teachers are mixed
in by several runs; the share of the last one is of the whole.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.common.options import script_parser
from benchmarks.embedded.teachers.mixing import SHARPNESS, add_mixing, mixing_of, write_mixed
from benchmarks.embedded.teachers.retrievers import Floats
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.training.model.late_folder import read_head

_MEMORY_MB = 6_000


def main() -> int:
    """Read, ask, mix, write."""
    parser = script_parser(__doc__)
    add_mixing(parser, teacher="folder that finish wrote")
    parser.add_argument(
        "--sharpness",
        type=float,
        default=SHARPNESS,
        help="of its distribution; 60 for E5, whose cosines are close",
    )
    arguments = mixing_of(parser)
    teacher = FinishedTeacher(arguments.teacher)
    write_mixed(arguments, teacher.cosines, sharpness=arguments.sharpness)
    return 0


class FinishedTeacher:
    """What a finished model thinks of lists.

    Args:
        folder: With an int8 graph and `localrank.json`.
    """

    def __init__(self, folder: Path) -> None:
        self._head = read_head(folder)
        self._model = OnnxReranker(str(folder), document_cache_mb=_MEMORY_MB)

    def cosines(self, query: str, documents: list[str]) -> Floats:
        """Return of each document the mean of the best cosines, in the order of `documents`."""
        found = np.empty(len(documents), np.float32)
        for one in rerank_sync(self._model, query, documents):
            found[one.index] = (one.metadata["logit"] - self._head.bias) / self._head.scale
        return found


if __name__ == "__main__":
    raise SystemExit(main())
