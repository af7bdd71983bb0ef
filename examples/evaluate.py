"""Measure two rerankers on questions of your own, beside the order that the documents came in."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from localrank.evaluation import evaluate_sync, load_jsonl, write_reports

QUESTIONS = [
    {
        "query": "What do pandas eat?",
        "documents": [
            "What do tigers eat, and what do wolves eat? Deer, mostly.",
            "The diet of the giant panda is almost entirely bamboo.",
            "Whales are the largest mammals.",
        ],
        "relevant": [1],
    },
    {
        "query": "Who wrote Moby-Dick?",
        "documents": [
            "Who wrote on the wall? Nobody knows who.",
            "Herman Melville's novel Moby-Dick was published in 1851.",
            "The whale sank the ship.",
        ],
        "relevant": {"1": 2},
    },
    {
        "query": "When does the ferry to the island leave?",
        "documents": [
            "When does the train to the airport leave? When it is full.",
            "The boat departs for the island at noon.",
            "Nobody lives there.",
        ],
        "relevant": [1],
    },
]
"""Each with its own documents; `relevant` names positions, or gives grades."""


def main(folder: Path) -> None:
    """Write the questions as the file that `localrank evaluate` reads too, evaluate, and write the reports."""
    data = folder / "questions.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS), "utf-8")
    collection = load_jsonl(data)
    found = evaluate_sync(
        {"shared words": "lexical:default", "embedded model": "onnx:localrank-mini"},
        collection,
        measures=["nDCG@10", "P@1"],
    )
    for system in found.systems:
        print(
            f"{system.name}: nDCG@10 {system.means['nDCG@10']:.2f}, a right one first {system.means['P@1']:.0%}"
        )
    written = write_reports(found, folder / "reports", documents=collection.documents)
    print(f"{len(written)} files, {written[0].name} the most readable")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
