"""A teacher that compares token vectors, of the base or of a finished model: `python -m benchmarks.embedded.teachers.tokens`.

Reads the training lists that `prepare` wrote and writes them with new scores: the logarithm of a mean of the distribution that
they had and of a softmax of 25 times the mean, over the query's tokens, of the best cosine in the document. With `--share 1` a
finished model is the only teacher, as a smaller one distilled from it needs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch.nn import functional

from benchmarks.embedded.teachers.retrievers import Floats, softmax
from localrank_transformers.training.fitting.fitting import trains_in_bf16
from localrank_transformers.training.model.late_folder import read_head

SHARPNESS = 25.0
"""Makes the distributions over a list about as peaked as the bi-encoder's cosines times 20."""

_LENGTH = 256
_BATCH = 32
_REPORT = 100


def add_mixing(parser: argparse.ArgumentParser, *, teacher: str) -> None:
    """Add the arguments of a script that mixes a teacher into lists; `teacher` says what its folder is."""
    parser.add_argument("--data", type=Path, required=True, help="folder that prepare wrote")
    parser.add_argument("--teacher", type=Path, required=True, help=teacher)
    parser.add_argument("--share", type=float, default=0.5, help="of the teacher in the new distribution")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the new lists; not that of --data"
    )


def mixing_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the arguments, or end the script where lists would be lost or mixed wrongly."""
    arguments = parser.parse_args()
    if arguments.out.resolve() == arguments.data.resolve():
        parser.error("--out is the folder of --data, whose scores would be lost.")
    if not 0 <= arguments.share <= 1:
        parser.error(f"--share is {arguments.share}; it must lie between 0 and 1.")
    return arguments


def main() -> int:
    """Read, encode, mix, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_mixing(parser, teacher="folder of all-MiniLM-L6-v2, or a late model's")
    arguments = mixing_of(parser)
    with gzip.open(arguments.data / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    by_length = read_head(arguments.teacher).by_length
    vectors = token_vectors(
        arguments.teacher, {text for row in rows for text in (row["query"], *row["documents"])}
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    with gzip.open(arguments.out / "train.jsonl.gz", "wt", encoding="utf-8") as lines:
        for row in rows:
            asked = vectors[row["query"]]
            cosines = [best_cosines(asked, vectors[text], by_length=by_length) for text in row["documents"]]
            known, found = (np.asarray(values, np.float32) for values in (row["scores"], cosines))
            scores = mixed(known, found, arguments.share)
            row["scores"] = [round(float(one), 4) for one in scores]
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    (arguments.out / "dev.jsonl.gz").write_bytes((arguments.data / "dev.jsonl.gz").read_bytes())
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


def mixed(logits: Floats, cosines: Floats, share: float, sharpness: float = SHARPNESS) -> Floats:
    """Return the logarithm of the mean of a list's distribution and, of so much weight, that of the token vectors."""
    found: Floats = np.log((1 - share) * softmax(logits) + share * softmax(cosines * sharpness) + 1e-6)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
