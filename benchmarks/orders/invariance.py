"""Whether a score depends on the company: alone, among 99 others, in any order: `python -m benchmarks.orders.invariance`."""

from __future__ import annotations

import random

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from benchmarks.speed.workloads import DocumentSet
from localrank import RerankError, rerank_sync
from localrank_transformers import OnnxReranker

ORDERS = 3
TOP_K = 10
"""Asked of `refined`, which without it is plain float32; what is returned is compared, all of it scored in float32."""

ALLOWED = {"int8": 0.0, "fp32": 1e-5, "refined": 1e-5}
"""int8 runs one document at a time; float32 may group short ones."""


def main() -> int:
    """Measure every precision that the model has."""
    options = parser(__doc__)
    options.add_argument("--precisions", default="int8,fp32,refined")
    options.add_argument("--documents", type=int, default=100)
    arguments = options.parse_args()
    own = Own(arguments)
    sets = {kind: own.documents(kind, arguments.documents) for kind in ("short", "mixed")}
    rows, bars, data = [], [], {}
    for precision in arguments.precisions.split(","):
        try:
            top_k = TOP_K if precision == "refined" else None
            found = {kind: _largest_change(own.model(precision), one, top_k) for kind, one in sets.items()}
        except RerankError as error:
            rows.append([precision, "–", "–"])
            bars.append(Bar(precision, f"≤ {ALLOWED[precision]:g}", str(error)[:120], None))
            continue
        data[precision] = found
        rows.append([precision, *(f"{value:.1e}" for value in found.values())])
        worst = max(found.values())
        aim = "bit-identical" if ALLOWED[precision] == 0 else f"≤ {ALLOWED[precision]:g}"
        bars.append(Bar(f"{precision}: change of a score", aim, f"{worst:.1e}", worst <= ALLOWED[precision]))
    write(
        "invariance",
        "A score does not depend on the company",
        f"{own.text}; each of {arguments.documents} documents alone, against among the others in {ORDERS} orders.\n\n"
        + markdown_table(["largest change of a score", *sets], rows),
        data,
        folder=arguments.output,
        bars=bars,
    )
    return 0


def _largest_change(model: OnnxReranker, documents: DocumentSet, top_k: int | None) -> float:
    with model:
        alone = [rerank_sync(model, documents.query, [text])[0].score for text in documents.documents]
        changes = [0.0]
        for order in range(ORDERS):
            places = list(range(len(alone)))
            if order:
                random.Random(order).shuffle(places)  # noqa: S311 - an order, no secret
            shuffled = [documents.documents[place] for place in places]
            result = rerank_sync(model, documents.query, shuffled, top_k)
            changes += [abs(one.score - alone[places[one.index]]) for one in result]
    return max(changes)


if __name__ == "__main__":
    raise SystemExit(main())
