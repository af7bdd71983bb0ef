"""A whole call of the embedded model against the registers' speed: `python -m benchmarks.kernels.whole_call --data FOLDER`.

The limit is what the products of 20 mixed documents and their query take at the speed that multiplications have in registers,
on all cores: int8 with weights, float32 in attention, nothing else. Needs gcc, and an idle machine.
"""

from __future__ import annotations

import statistics
import time

from benchmarks.common.own import Own, parser
from benchmarks.kernels.speed import peaks_of
from localrank import rerank_sync
from localrank.providers.cores import usable_cores
from localrank_transformers.engines.native.layout import read_layout
from localrank_transformers.engines.native.library import library
from localrank_transformers.models import bundled

KIND, COUNT = "mixed", 20


def main() -> int:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--turns", type=int, default=25)
    options.add_argument(
        "--peaks", type=float, nargs=2, metavar="GMAC/s", help="int8 and float32, known before"
    )
    arguments = options.parse_args()
    kernels = library()
    if kernels is None:
        raise SystemExit("no compiled kernels here")
    peaks = arguments.peaks or [peaks_of(kernels)[kind][0] for kind in ("int8", "float32")]
    given, model = Own(arguments).documents(KIND, COUNT), Own(arguments).model()
    query = model._once.get()[0].family.open(given.query, None)
    lengths = [query.query_tokens, *query.lengths(query.documents(given.documents))]
    limit = _limit(lengths, *peaks) / usable_cores()
    seconds = []
    for _ in range(arguments.turns):
        begun = time.perf_counter()
        rerank_sync(model, given.query, given.documents)
        seconds.append(time.perf_counter() - begun)
    taken = statistics.median(seconds)
    print(
        f"{kernels.name}, {KIND} × {COUNT}, {sum(lengths):,} tokens: {taken * 1e3:.1f} ms, at the speed of registers "
        f"{limit * 1e3:.1f} ms: {taken / limit:.2f} ×"
    )
    return 0


def _limit(lengths: list[int], int8: float, float32: float) -> float:
    """Return the seconds of one core."""
    graph, check = bundled.read_model(bundled.DEFAULT_MODEL, "onnx/model_int8.onnx")
    check()
    layout = None if isinstance(graph, bytes) else read_layout(graph)
    if layout is None:
        raise SystemExit("the embedded model lies in an archive")
    weights = sum(product.weight.size for layer in layout.layers for product in layer.products)
    attended = 2 * len(layout.layers) * layout.words.shape[1] * sum(length**2 for length in lengths)
    return (sum(lengths) * weights / int8 + attended / float32) / 1e9


if __name__ == "__main__":
    raise SystemExit(main())
