"""From the folder that vocabulary wrote to a model: its first layers, read after E5's prefix, and an int8 graph.

    python -m benchmarks.embedded.multilingual.finish CUT --passages FILE --out MODEL

E5 wants "query: " or "passage: " before a text (Wang et al. 2024, "Multilingual E5 Text Embeddings"). The first is put
before both, into the tokenizer's template, between the start token and the text: so a user writes none, and nothing else
knows of it. With it before documents too, 100 German questions over their 50 candidates of XQuAD-R had nDCG@10 .8855, with
"passage: " .8771. A student reads texts bare: `--prefix ""`.

The graph is calibrated on headings with passages. Scale and bias are fitted afterwards, by `fit`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from localrank_transformers.models.folder.exported import LateLogit
from localrank_transformers.optimizing.optimize import Candidates, optimize
from localrank_transformers.training.model.late_folder import write_head, write_layout

LAYERS = 11
PREFIX = "query: "
SEED = 26
CALIBRATED_BY = 2
"""Lists of each language that the graph is calibrated by; half of them measures."""
DOCUMENTS = 6
SHORT = 700
"""Characters of a passage that are read."""


def main() -> int:
    """Write the model's folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cut", type=Path)
    parser.add_argument("--passages", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--prefix", default=PREFIX)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_folder(arguments.cut, arguments.out, layers=arguments.layers, prefix=arguments.prefix)
    passages = _passages(arguments.passages)
    agreement = optimize(
        arguments.out,
        arguments.out,
        candidates=_calibrating(passages),
        compared_on=f"headings with passages, {len(passages)} languages",
        on_step=lambda step: print(step, flush=True),
        word_blocks=True,
    )
    print(agreement, flush=True)
    return 0


def write_folder(cut: Path, out: Path, *, layers: int, prefix: str) -> None:
    """Write weights and tokenizer of a late-interaction model of the first `layers`."""
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads((cut / "config.json").read_text("utf-8")) | {"num_hidden_layers": layers}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    tensors = load_file(cut / "model.safetensors")
    beyond = tuple(f"encoder.layer.{number}." for number in range(layers, 12))
    kept = {name: values for name, values in tensors.items() if not name.startswith(beyond)}
    save_file(kept, out / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(cut / "tokenizer_config.json", out / "tokenizer_config.json")
    specification = json.loads((cut / "tokenizer.json").read_text("utf-8"))
    tokenizer = Tokenizer.from_file(str(cut / "tokenizer.json"))
    _put_before(specification, tokenizer.encode(prefix, add_special_tokens=False))
    (out / "tokenizer.json").write_text(json.dumps(specification, ensure_ascii=False), "utf-8")
    write_layout(out)
    write_head(out, LateLogit(1.0, 0.0, "sigmoid", by_length=True))


def _put_before(specification: dict[str, Any], prefix: Any) -> None:
    """Let the template put the tokens of the prefix between the start token and a text."""
    template = specification["post_processor"]
    for number, token in zip(prefix.ids, prefix.tokens, strict=True):
        template["special_tokens"][token] = {"id": token, "ids": [number], "tokens": [token]}
    own = [{"SpecialToken": {"id": token, "type_id": 0}} for token in prefix.tokens]
    template["single"][1:1] = own


def _passages(path: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            found[record["language"]].append(record)
    return dict(sorted(found.items()))


def _calibrating(passages: dict[str, list[dict[str, str]]]) -> list[Candidates]:
    dice = random.Random(SEED)  # noqa: S311 - no secret
    lists = []
    for records in passages.values():
        for _ in range(CALIBRATED_BY):
            own = dice.sample(records, DOCUMENTS)
            query = own[0]["heading"] or own[0]["text"][:60]
            lists.append(Candidates(query, tuple(one["text"][:SHORT] for one in own)))
    dice.shuffle(lists)
    return lists


if __name__ == "__main__":
    raise SystemExit(main())
