"""Make the pictures anew: `python -m docs.pictures [FOLDER]`, by default beside this file. Takes seconds and no network."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from docs.pictures.terminal import DARK, LIGHT, picture, printed
from localrank.evaluation import Collection, Evaluation, evaluate_sync
from localrank.evaluation.scatter import scatter_svg

ROOT = Path(__file__).parents[2]
COMMAND = ("rerank", "How do I reset the router?", "examples/notes", "--paragraphs", "--top-k", "3")
MODELS = {
    "shared words": "lexical:default",
    "localrank-tiny": "localrank-tiny",
    "localrank-mini": "localrank-mini",
}


def main(folder: Path) -> None:
    """Write each picture in a light and a dark version."""
    shown = printed(COMMAND)
    found = measured()
    folder.mkdir(parents=True, exist_ok=True)
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        (folder / f"ranking-{name}.svg").write_text(picture(COMMAND, shown, theme), "utf-8")
    (folder / "quality-light.svg").write_text(scatter_svg(found, theme="light"), "utf-8")
    (folder / "quality-dark.svg").write_text(scatter_svg(found, theme="dark"), "utf-8")


def measured(models: Mapping[str, str] = MODELS) -> Evaluation:
    """Measure models on the questions of examples/faq that nothing was trained on, all thirty answers behind BM25."""
    lines = (ROOT / "examples/faq/held-out.jsonl").read_text("utf-8").splitlines()
    pairs = [(record["query"], record["positive"]) for record in map(json.loads, lines)]
    answers = {text: f"a{number}" for number, text in enumerate(dict.fromkeys(text for _, text in pairs))}
    collection = Collection(
        "faq",
        {f"q{number}": query for number, (query, _) in enumerate(pairs)},
        {name: text for text, name in answers.items()},
        {f"q{number}": {answers[text]: 1} for number, (_, text) in enumerate(pairs)},
    )
    return evaluate_sync(models, collection, first_stage="bm25", candidates=None)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
