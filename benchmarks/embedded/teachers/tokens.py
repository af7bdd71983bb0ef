"""A teacher that compares token vectors, of the base or of a finished model: `python -m benchmarks.embedded.teachers.tokens`.

Reads the training lists that `prepare` wrote and writes them with new scores: the logarithm of a mean of the distribution that
they had and of a softmax of 25 times the mean, over the query's tokens, of the best cosine in the document. With `--share 1` a
finished model is the only teacher, as a smaller one distilled from it needs.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch.nn import functional

from benchmarks.common.options import script_parser
from benchmarks.embedded.teachers.mixing import add_mixing, lists_of, mixing_of, write_mixed
from benchmarks.embedded.teachers.retrievers import Floats
from localrank_transformers.training.fitting.fitting import trains_in_bf16
from localrank_transformers.training.model.late_folder import read_head

_LENGTH = 256
_BATCH = 32
_REPORT = 100


def main() -> int:
    """Read, encode, mix, write."""
    parser = script_parser(__doc__)
    add_mixing(parser, teacher="folder of all-MiniLM-L6-v2, or a late model's")
    arguments = mixing_of(parser)
    by_length = read_head(arguments.teacher).by_length
    texts = {text for row in lists_of(arguments.data) for text in (row["query"], *row["documents"])}
    vectors = token_vectors(arguments.teacher, texts)

    def cosines(query: str, documents: list[str]) -> Floats:
        found = (best_cosines(vectors[query], vectors[text], by_length=by_length) for text in documents)
        return np.fromiter(found, np.float32, len(documents))

    write_mixed(arguments, cosines)
    return 0


def token_vectors(model: Path, texts: Collection[str]) -> dict[str, torch.Tensor]:
    """Return the vectors of each text, shape (tokens, width), in bfloat16 to save memory."""
    return dict(_encoded(model, sorted(texts, key=len)))


@torch.no_grad()
def _encoded(model: Path, ordered: list[str]) -> Iterator[tuple[str, torch.Tensor]]:
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(model)
    encoder = transformers.AutoModel.from_pretrained(model, attn_implementation="sdpa").eval()
    for start in range(0, len(ordered), _BATCH):
        part = ordered[start : start + _BATCH]
        rows = tokenizer(part, padding=True, truncation=True, max_length=_LENGTH, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16, enabled=trains_in_bf16("cpu")):
            hidden = encoder(**rows).last_hidden_state
        for text, own, mask in zip(part, hidden, rows["attention_mask"], strict=True):
            yield text, own[: int(mask.sum())].to(torch.bfloat16)
        if start // _BATCH % _REPORT == 0:
            print(f"{start + len(part)} of {len(ordered)} texts encoded", file=sys.stderr, flush=True)


def best_cosines(query: torch.Tensor, document: torch.Tensor, *, by_length: bool) -> float:
    """Return the mean over the query's tokens of the best cosine in the document (MaxSim of ColBERT, as a mean).

    Args:
        query: Vectors of its tokens.
        document: Likewise.
        by_length: Whether the query's tokens count by the lengths of their vectors.
    """
    query, unit = query.float(), functional.normalize(document.float(), dim=-1)
    lengths = query.norm(dim=-1)
    weights = lengths if by_length else torch.ones_like(lengths)
    best = (functional.normalize(query, dim=-1) @ unit.T).amax(1)
    return float((best * weights).sum() / weights.sum())


if __name__ == "__main__":
    raise SystemExit(main())
