"""What a Unigram tokenizer costs by the kernels and by `tokenizers`: `python -m benchmarks.calls.unigram --passages FILE`.

Opening it, in a process each, in turn; texts of several languages, in turn in one process, where the ids are compared; and a
process that ranks two short texts, beside one with `localrank-mini`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.common.results import RESULTS, write
from benchmarks.common.tables import markdown_table
from localrank_transformers.engines.native.pieces import fastest_finder
from localrank_transformers.models.folder.stated.pairs import PairSettings
from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer
from localrank_transformers.models.folder.stated.unigram import unigram_tokenizer
from tests.support.separate_package import PACKAGE, installed

ROOT = Path(__file__).resolve().parents[2]
TEXTS = 100
"""Of each language."""

TOKENIZER = PACKAGE / "localrank_multilingual/tokenizer.json"

OPEN = """
import json, sys, time
import numpy, tokenizers
from pathlib import Path
from types import SimpleNamespace
from benchmarks.common.machine import rss
from localrank_transformers.engines.native.pieces import fastest_finder
from localrank_transformers.families.opening import open_tokenizer
from localrank_transformers.models.folder.stated.pairs import PairSettings
content, said = Path(sys.argv[1]).read_bytes(), PairSettings()
files = SimpleNamespace(tokenizer_json=content, pairs=said)
finder = fastest_finder() if sys.argv[2] == "kernels" else None
before, used = rss(), time.process_time()
tokenizer, _ = open_tokenizer(files, finder)
print(json.dumps([time.process_time() - used, rss() - before]))
"""
RANK = """
import sys
from benchmarks.common.machine import rss
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
model = OnnxReranker(sys.argv[1])
rerank_sync(model, "What do pandas eat?", ["Paris is in France.", "Pandas eat bamboo."])
print(rss())
"""


def main() -> int:
    """Measure, and compare the ids."""
    arguments = _arguments()
    opened = [_opened(path, arguments.rounds) for path in (TOKENIZER, *arguments.tokenizer)]
    read = _read(arguments.passages, arguments.languages.split(","), arguments.rounds)
    whole = {model: _ranked(model) for model in ("localrank-mini", "localrank-multilingual")}
    text = (
        _opened_table(opened)
        + "\n\n"
        + markdown_table(
            [f"{TEXTS} texts in", "tokens", "tokenizers, ms", "kernels, ms", "times as fast"],
            [
                [
                    name,
                    str(one["tokens"]),
                    f"{one['library']:.1f}",
                    f"{one['kernels']:.1f}",
                    f"{one['ratio']:.1f}",
                ]
                for name, one in read.items()
            ],
        )
        + "\n\nCPU time, medians; normalization, which `tokenizers` does for both, is in it. The ids were the same.\n\n"
        + markdown_table(
            ["a process that ranked two short texts", "MB"],
            [[model, f"{size / 1e6:.0f}"] for model, size in whole.items()],
        )
    )
    data = {"opened": opened, "read": read, "whole": whole}
    write("unigram", "Unigram tokenizers", text, data, folder=arguments.output)
    return 0


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--passages", type=Path, required=True, help="gzip of JSON lines with `language` and `text`"
    )
    options.add_argument("--languages", default="en,de,zh,hi,th,ko,ar")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--tokenizer", type=Path, action="append", default=[], help="another tokenizer.json")
    options.add_argument("--output", type=Path, default=RESULTS)
    return options.parse_args()


def _opened(path: Path, rounds: int) -> dict[str, Any]:
    """Return CPU seconds and bytes of opening a tokenizer, medians of processes in turn."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for _ in range(rounds):
        for kind in ("tokenizers", "kernels"):
            found[kind].append(json.loads(_output(OPEN, str(path), kind)))
    pieces = len(json.loads(path.read_bytes())["model"]["vocab"])
    costs = {kind: [median(values) for values in zip(*runs, strict=True)] for kind, runs in found.items()}
    return {"pieces": pieces, **costs}


def _opened_table(opened: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [f"{one['pieces']:,} pieces", kind, f"{one[kind][0]:.2f}", f"{one[kind][1] / 1e6:.0f}"]
        for one in opened
        for kind in ("tokenizers", "kernels")
    ]
    return markdown_table(["opened", "by", "CPU seconds", "MB more"], rows, left=2)


def _read(passages: Path, languages: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """Return CPU milliseconds of a language's first texts, by the library and by the kernels in turn."""
    content, said = TOKENIZER.read_bytes(), PairSettings()
    finder = fastest_finder()
    made = None if finder is None else unigram_tokenizer(content, said, finder)
    if made is None:
        raise SystemExit("No kernels can run here: see `localrank doctor`.")
    tokenizers: dict[str, Any] = {"library": read_tokenizer(content, said)[0], "kernels": made[0]}
    found = {}
    for language, texts in _texts(passages, languages).items():
        milliseconds: dict[str, list[float]] = defaultdict(list)
        ids: dict[str, list[list[int]]] = {}
        for _ in range(rounds):
            for kind, tokenizer in tokenizers.items():
                used = time.process_time()
                ids[kind] = [
                    list(one.ids) for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False)
                ]
                milliseconds[kind].append(1000 * (time.process_time() - used))
        if ids["library"] != ids["kernels"]:
            raise SystemExit(f"{language}: the kernels give other ids than the library")
        library, kernels = median(milliseconds["library"]), median(milliseconds["kernels"])
        tokens = sum(map(len, ids["kernels"]))
        found[language] = {
            "tokens": tokens,
            "library": library,
            "kernels": kernels,
            "ratio": library / kernels,
        }
    return found


def _texts(passages: Path, languages: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {language: [] for language in languages}
    with gzip.open(passages, "rt", encoding="utf-8") as lines:
        for line in lines:
            passage = json.loads(line)
            known = found.get(passage["language"])
            if known is not None and len(known) < TEXTS:
                known.append(passage["text"])
    return found


def _ranked(model: str) -> int:
    """Return the bytes of a process that ranked two short texts."""
    with tempfile.TemporaryDirectory() as folder, installed(Path(folder)):
        path = os.pathsep.join(one for one in sys.path if one)
        return int(_output(RANK, model, PYTHONPATH=path))


def _output(script: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=os.environ | environment
    ).stdout


if __name__ == "__main__":
    raise SystemExit(main())
