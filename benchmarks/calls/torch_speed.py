"""TorchReranker against sentence-transformers, and how soon it obeys an abort: `python -m benchmarks.calls.torch_speed`.

The model is a BERT of 12 layers, 768 wide, with random weights, made in a temporary folder: speed does not depend on what
weights say. Documents are of 16 to 512 tokens, as drawn from a lognormal distribution. Both systems take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import sentence_transformers
import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from benchmarks.common.results import RESULTS, Bar, write
from benchmarks.common.statistics import percentile
from benchmarks.common.tables import markdown_table
from localrank import RerankAbortedError, rerank_sync
from localrank_transformers import TorchReranker

WORDS = 20_000
QUERY = " ".join(f"w{number}" for number in range(10))
ABORT_WITHIN_S = 0.05
FASTER_BY = 1.5


def main() -> int:
    """Measure both systems, then aborts."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--device", default="auto")
    options.add_argument("--dtype", default="bf16", choices=["fp32", "bf16", "fp16"])
    options.add_argument("--documents", type=int, default=1000)
    options.add_argument("--repetitions", type=int, default=7)
    options.add_argument("--aborts", type=int, default=30)
    options.add_argument("--layers", type=int, default=12)
    options.add_argument("--width", type=int, default=768)
    options.add_argument("--output", type=Path, default=RESULTS)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder), arguments.layers, arguments.width)
        _measure(Path(folder), arguments)
    return 0


def _measure(folder: Path, arguments: argparse.Namespace) -> None:
    documents = _documents(arguments.documents)
    model = TorchReranker(folder, device=arguments.device, dtype=arguments.dtype)
    chosen = rerank_sync(model, QUERY, documents[:50]).provider_metadata["torch"]
    systems = {"localrank": lambda: len(rerank_sync(model, QUERY, documents))}
    systems["sentence-transformers"] = _reference(folder, chosen["device"], arguments.dtype, documents)
    speeds = _take_turns(systems, arguments.repetitions, len(documents))
    faster = speeds["localrank"] / speeds["sentence-transformers"]
    delays = _aborts(model, documents, arguments.aborts)
    rows = [[name, f"{speed:,.0f}"] for name, speed in speeds.items()]
    worst = max(delays)
    write(
        f"torch_speed_{torch.device(chosen['device']).type}_{arguments.dtype}",
        "TorchReranker and sentence-transformers",
        f"BERT {arguments.layers} × {arguments.width}, random weights, {len(documents):,} documents of 16 to 512 tokens; "
        f"{chosen['device_name']}, {chosen['dtype']}, attention {chosen['attention']}; torch {torch.__version__}, "
        f"transformers {transformers.__version__}, sentence-transformers {sentence_transformers.__version__}. "
        f"Load average over the run {os.getloadavg()[1]:.1f}.\n\n"
        + markdown_table(["system", "pairs per second"], rows),
        {"chosen": dict(chosen), "pairs_per_second": speeds, "abort_seconds": delays},
        folder=arguments.output,
        bars=[
            Bar(
                "pairs per second against sentence-transformers",
                f"≥ {FASTER_BY} ×",
                f"{faster:.2f} ×",
                faster >= FASTER_BY,
            ),
            Bar(
                "abort set → error raised, p50 / max",
                f"≤ {ABORT_WITHIN_S * 1000:.0f} ms",
                f"{percentile(delays, 0.5) * 1000:.1f} / {worst * 1000:.1f} ms",
                worst <= ABORT_WITHIN_S,
            ),
        ],
    )


def _take_turns(systems: dict[str, Callable[[], int]], repetitions: int, documents: int) -> dict[str, float]:
    """Return documents a second, from the median time."""
    times: dict[str, list[float]] = {name: [] for name in systems}
    for run in systems.values():
        run()
    for _ in range(repetitions):
        for name, run in systems.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: documents / median(values) for name, values in times.items()}


def _reference(folder: Path, device: str, dtype: str, documents: list[str]) -> Callable[[], int]:
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]
    model = sentence_transformers.CrossEncoder(
        str(folder), device=device, max_length=512, model_kwargs={"dtype": kind}
    )
    pairs = [(QUERY, document) for document in documents]
    return lambda: len(model.predict(pairs, batch_size=32))


def _aborts(model: TorchReranker, documents: list[str], runs: int) -> list[float]:
    """Return the seconds from setting the event, at a random moment of the call, to the error."""
    started = time.perf_counter()
    rerank_sync(model, QUERY, documents)
    whole = time.perf_counter() - started
    chance = random.Random(5)  # noqa: S311
    delays: list[float] = []
    while len(delays) < runs:
        event, moment = threading.Event(), [0.0]

        def stop(event: threading.Event = event, moment: list[float] = moment) -> None:
            moment[0] = time.perf_counter()
            event.set()

        timer = threading.Timer(chance.uniform(0.05, 0.8) * whole, stop)
        timer.start()
        try:
            rerank_sync(model, QUERY, documents, abort_event=event)
        except RerankAbortedError:
            delays.append(time.perf_counter() - moment[0])
        timer.join()
    return delays


def _documents(count: int) -> list[str]:
    chance = random.Random(1)  # noqa: S311
    lengths = [min(490, max(4, int(chance.lognormvariate(4.7, 0.7)))) for _ in range(count)]
    return [" ".join(f"w{chance.randrange(WORDS)}" for _ in range(length)) for length in lengths]


def _build(folder: Path, layers: int, width: int) -> None:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {
        word: place for place, word in enumerate([*specials, *(f"w{number}" for number in range(WORDS))])
    }
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "cls", "sep")},
        "unk_token": "[UNK]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        num_labels=1,
    )
    torch.manual_seed(0)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)


if __name__ == "__main__":
    raise SystemExit(main())
