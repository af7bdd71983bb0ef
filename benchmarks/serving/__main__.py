"""Our server against the same model in process: `python -m benchmarks.serving --data DATA`.

Ratios of one run; a server runs in a process of its own, and its clients are threads here, over connections that stay open.
`--parts` picks some: `one` client, `many` clients, short requests `beside` long ones, clients that leave (`left`), documents
`known` from before, and the `other` server, which wants `--weights MODEL` and `--infinity PATH/TO/infinity_emb`.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import FrameType

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.serving.leaving import clients_that_leave
from benchmarks.serving.other import against_infinity
from benchmarks.serving.parts import known_documents, many_clients, one_client, short_beside_long
from benchmarks.serving.servers import Server, ours

IN_PARTS: Mapping[str, Callable[[Server, Own, int], list[Bar]]] = {
    "one": one_client,
    "many": many_clients,
    "beside": short_beside_long,
}
PARTS = (*IN_PARTS, "left", "known", "other")


def main() -> int:
    """Measure the parts that are asked for, and write one table."""
    signal.signal(signal.SIGTERM, _end)  # so that servers are ended on the way out
    options = parser(__doc__)
    options.add_argument("--parts", default=",".join(PARTS[:-1]), help=f"of {', '.join(PARTS)}")
    options.add_argument("--repetitions", type=int, default=60)
    options.add_argument("--leaving-seconds", type=float, default=120)
    options.add_argument("--weights", type=Path, help="a folder with a cross-encoder, for the other server")
    options.add_argument(
        "--infinity", type=Path, help="the program infinity_emb, in an environment of its own"
    )
    arguments = options.parse_args()
    parts = arguments.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        options.error(f"--parts has {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if arguments.model is not None:
        options.error("the server of this measurement serves the embedded model; leave --model out")
    if "other" in parts and not (arguments.weights and arguments.infinity):
        options.error("the part `other` wants --weights and --infinity")
    bars: list[Bar] = []
    own = Own(arguments)
    for found in measured(own, parts, arguments):
        bars += found
        for bar in found:
            sys.stderr.write(f"{bar.name}: {bar.measured} (wanted {bar.aim})\n")
    data = {bar.name: bar.measured for bar in bars}
    write("serving", "The server", f"{own.text}.", data, folder=arguments.output, bars=bars)
    return 0


def measured(own: Own, parts: Collection[str], arguments: argparse.Namespace) -> Iterator[list[Bar]]:
    """Yield what each part found."""
    repetitions = arguments.repetitions
    if {*IN_PARTS, "left"} & set(parts):
        with ours("--document-cache-mb", "0") as server:
            for name, measure in IN_PARTS.items():
                if name in parts:
                    yield measure(server, own, repetitions)
            if "left" in parts:
                yield clients_that_leave(server, own, arguments.leaving_seconds)
    if "known" in parts:
        with ours() as server:
            yield known_documents(server, own, repetitions)
    if "other" in parts:
        yield against_infinity(own, arguments.weights, arguments.infinity, repetitions)


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
