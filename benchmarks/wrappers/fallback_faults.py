"""Does every call of a fallback answer while its remote model fails half of them in every way a server can?

    python -m benchmarks.wrappers.fallback_faults [--calls 2000] [--at-once 16]

A real HTTP server on loopback spoils half of the requests: refusals of many kinds, resets before and within the body, silence
before the headers and within the body, no JSON, JSON of another shape, indexes out of range, scores that are no numbers. The
fallback behind it is a local model. The script fails unless every call answers, names who served it, and warns where that
is not the first model.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio

from benchmarks.common.options import script_parser
from benchmarks.common.results import Bar, write
from benchmarks.common.statistics import percentile
from benchmarks.common.tables import markdown_table, milliseconds
from localrank import APICallError, Fallback, RerankError, rerank
from localrank.compose.several.fallback import DEFAULT_FAILURES
from localrank.testing import LexicalReranker
from localrank_cohere import CohereReranker
from tests.support.rerank_server import RerankServer, Seen, Turn

DOCUMENTS = ["The mill is old.", "A river runs past the mill.", "Boats sail down the river."]
STAGE_TIMEOUT_S = 0.2
PAUSE_S = 0.005
"""Of each caller between two calls: without it all calls may be over before an open breaker tries its model again."""


def spoiled(body: Callable[[Any], Any]) -> Turn:
    """Return a turn whose good answer is changed."""
    return Turn(body=body)


def first_result(**changes: Any) -> Callable[[Any], Any]:
    """Return a change of the answer's first result."""

    def change(good: dict[str, Any]) -> dict[str, Any]:
        results = [dict(one) for one in good["results"]]
        results[0].update(changes)
        return {**good, "results": results}

    return change


WAYS: dict[str, Turn] = {
    **{str(status): Turn(status=status) for status in (302, 400, 401, 402, 403, 404, 408, 409, 413, 422)},
    **{str(status): Turn(status=status) for status in (429, 500, 502, 503, 504, 529)},
    "429 with Retry-After": Turn(status=429, headers={"retry-after": "30"}),
    "reset before the headers": Turn(reset="headers"),
    "reset within the body": Turn(reset="body"),
    "silence before the headers": Turn(before_headers=30.0),
    "silence within the body": Turn(before_body=30.0),
    "an empty body": Turn(body=b""),
    "no JSON": Turn(body=b"<html>Bad Gateway</html>"),
    "half of the JSON": Turn(body=b'{"results": [{"index": 0, "rel'),
    "JSON of another shape": Turn(body=b'{"data": null}'),
    "an index out of range": spoiled(first_result(index=99)),
    "an index twice": spoiled(lambda good: {**good, "results": [good["results"][0]] * 2}),
    "a score that is no number": spoiled(first_result(relevance_score="high")),
    "no score": spoiled(first_result(relevance_score=None)),
}


@dataclass(slots=True)
class Tally:
    """What the calls came to."""

    served: Counter[str] = field(default_factory=Counter[str])
    failed: Counter[str] = field(default_factory=Counter[str])
    unannounced: int = 0
    times: list[float] = field(default_factory=list[float])


def chooser(seed: int, used: Counter[str]) -> Callable[[Seen], Turn]:
    """Return what spoils every second request on average, each way as often as the others."""
    dice = random.Random(seed)  # noqa: S311

    def choose(_: Seen) -> Turn:
        if dice.random() >= 0.5:
            return Turn()
        way = dice.choice(list(WAYS))
        used[way] += 1
        return WAYS[way]

    return choose


async def calls(model: Fallback, count: int, at_once: int) -> Tally:
    """Make `count` calls, `at_once` at a time."""
    tally, left = Tally(), iter(range(count))

    async def work() -> None:
        for _ in left:
            started = time.perf_counter()
            try:
                result = await rerank(model, "river boats", DOCUMENTS, max_retries=0)
            except Exception as error:
                tally.failed[type(error).__name__] += 1
                continue
            tally.times.append(time.perf_counter() - started)
            who = str(result.provider_metadata["localrank"]["served_by"])
            tally.served[who] += 1
            warned = [warning.type for warning in result.warnings].count("fallback")
            tally.unannounced += warned != (who != "cohere:rerank-v3.5")
            await anyio.sleep(PAUSE_S)

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(work)
    return tally


async def warmed(remote: CohereReranker) -> None:
    """Call until an answer comes, so that loading the client is not taken for a slow server."""
    for _ in range(50):
        with suppress(RerankError):
            await rerank(remote, "river", DOCUMENTS, max_retries=0)
            return


async def measured(url: str, count: int, at_once: int) -> Tally:
    """Run the calls through a fallback over the server at `url`."""
    remote = CohereReranker("rerank-v3.5", api_key="key", base_url=url, timeout=2)
    await warmed(remote)
    model = Fallback(
        remote,
        LexicalReranker(),
        on=(*DEFAULT_FAILURES, APICallError),
        stage_timeout=STAGE_TIMEOUT_S,
        failure_threshold=8,
        reset_after=0.05,
    )
    try:
        return await calls(model, count, at_once)
    finally:
        await model.aclose()


def main() -> None:
    """Run, print and write; exit with 1 where a call failed."""
    parser = script_parser(__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--backend", choices=("asyncio", "trio"), default="asyncio")
    arguments = parser.parse_args()
    used: Counter[str] = Counter()
    started = time.perf_counter()
    with RerankServer("cohere", choose=chooser(1, used)) as server:
        tally = anyio.run(measured, server.url, arguments.calls, arguments.at_once, backend=arguments.backend)
        requests = len(server.requests)
    seconds = time.perf_counter() - started
    answered = sum(tally.served.values())
    bars = [
        Bar("calls that answer", str(arguments.calls), str(answered), answered == arguments.calls),
        Bar("answers that hide who served", "0", str(tally.unannounced), tally.unannounced == 0),
        Bar(
            "longest call",
            f"< {milliseconds(STAGE_TIMEOUT_S + 1)} ms",
            f"{milliseconds(max(tally.times))} ms",
            max(tally.times) < STAGE_TIMEOUT_S + 1,
        ),
    ]
    text = (
        f"{arguments.calls} calls, {arguments.at_once} at once, on {arguments.backend}, in {seconds:.1f} s; "
        f"{requests} requests reached the server, {used.total()} were spoiled. A call took "
        f"{milliseconds(percentile(tally.times, 0.5))} ms (median), {milliseconds(percentile(tally.times, 0.99))} ms (p99).\n\n"
        + markdown_table(["served by", "calls"], [[who, count] for who, count in tally.served.most_common()])
        + "\n\n"
        + markdown_table(["way of failing", "requests"], [[way, count] for way, count in used.most_common()])
    )
    data = {
        "served": dict(tally.served),
        "failed": dict(tally.failed),
        "ways": dict(used),
        "seconds": seconds,
    }
    name = "fallback_faults" if arguments.backend == "asyncio" else f"fallback_faults_{arguments.backend}"
    write(name, "A fallback over a failing remote model", text, data, bars=bars)
    sys.exit(0 if all(bar.met for bar in bars) else 1)


if __name__ == "__main__":
    main()
