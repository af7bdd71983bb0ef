"""How far a graph ranks like the float32 graph of the same weights, over the best candidates of a first stage.

    python -m benchmarks.orders.agreement REFERENCE GRAPH --collections EVAL --runs RUNS --record GRAPH.json

REFERENCE is a folder with `config.json`, `tokenizer.json` and `onnx/model.onnx`; GRAPH an ONNX file of the same weights. The
result is the record that lies beside a graph and that `localrank models show` prints.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.common.options import script_parser
from localrank.evaluation import load_beir, read_run
from localrank_transformers.engines.onnx.session import OnnxEngine
from localrank_transformers.models.folder.reading import read_folder
from localrank_transformers.optimizing.making import family_of, record_of
from localrank_transformers.optimizing.record import figures, record_json
from localrank_transformers.optimizing.sample_texts import Candidates


def main() -> None:
    """Compare, print, and write the record where asked."""
    parser = script_parser(__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("graph", type=Path)
    parser.add_argument("--collections", type=Path, required=True, help="a folder of BEIR collections")
    parser.add_argument("--runs", type=Path, required=True, help="a folder with NAME.*.run of each")
    parser.add_argument("--queries", type=int, default=20, help="of each collection, evenly spread")
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--smoothed", nargs="*", default=["qkv", "up", "down"])
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    files = read_folder(given.reference, "fp32")
    lists: list[Candidates] = []
    names = []
    for folder in sorted(path.parent for path in given.collections.glob("*/corpus.jsonl")):
        lists += _entries(folder, given.runs, given.queries, given.candidates)
        names.append(folder.name)
    record = record_of(
        "int8",
        given.graph.read_bytes(),
        family_of(files),
        lists,
        OnnxEngine(files.onnx, pad_id=0),
        compared_on=f"the best {given.candidates} of a bi-encoder for queries of {', '.join(names)}",
        smoothed=tuple(given.smoothed),
    )
    print(figures(record))
    if given.record:
        given.record.write_text(record_json(record))


def _entries(folder: Path, runs: Path, queries: int, candidates: int) -> list[Candidates]:
    collection = load_beir(folder)
    run = read_run(next(runs.glob(f"{folder.name}.*.run")))
    ids = [one for one in run if one in collection.queries]
    chosen = ids[:: max(1, len(ids) // queries)][:queries]
    return [
        Candidates(
            collection.queries[one],
            tuple(collection.documents[document] for document, _ in run[one][:candidates]),
        )
        for one in chosen
    ]


if __name__ == "__main__":
    main()
