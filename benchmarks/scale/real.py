"""What Ray really does here with the lists that were simulated: actors with a batch, replicas with requests."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import ray
from ray import serve

from benchmarks.common.own import Own
from benchmarks.scale.calibration import tokens_of
from benchmarks.scale.simulation import Cost, Request, Shape
from benchmarks.speed.workloads import DocumentSet
from localrank.batches import BatchJob
from localrank.integrations.ray import deployment, run_batch_on_ray

__all__ = ["MODEL", "Lists", "batch", "on_ray", "online"]

MODEL = "onnx:localrank-mini"


class Lists:
    """Lists of one shape, with the tokens that each has; the same ones for the simulation and for the run.

    Args:
        own: Where their documents are cut from.
        shape: Their lengths.
        count: How many.
    """

    def __init__(self, own: Own, shape: Shape, count: int) -> None:
        dice = random.Random(11)  # noqa: S311 - of lengths
        pool = [own.documents("mixed", 50, number) for number in range(6)]
        known = [tokens_of(one, len(own.spans(one.query))) / len(one.documents) for one in pool]
        self.sets: list[DocumentSet] = []
        self.tokens: list[float] = []
        for number in range(count):
            source = pool[number % len(pool)]
            places = [dice.randrange(len(source.documents)) for _ in range(shape.documents(dice))]
            query = len(own.spans(source.query))
            tokens = [source.pair_tokens[place] - query - 3 for place in places]
            # No text comes twice: a copy would not be read again.
            texts = [f"{source.documents[place]} {number} {at}" for at, place in enumerate(places)]
            self.sets.append(
                DocumentSet(source.query, texts, [source.pair_tokens[place] for place in places])
            )
            self.tokens.append(sum(tokens) + 2 * len(tokens))
        self.tokens_a_document = sum(known) / len(known)

    def works(self, cost: Cost) -> list[float]:
        """Return what one core takes for each."""
        return [cost.of(tokens) for tokens in self.tokens]

    @property
    def documents(self) -> int:
        """How many documents there are in all lists."""
        return sum(len(one.documents) for one in self.sets)


@contextmanager
def on_ray(cores: int) -> Iterator[None]:
    """Run Ray here."""
    ray.init(
        "local",
        num_cpus=cores,
        object_store_memory=100_000_000,
        include_dashboard=False,
        logging_level="ERROR",
    )
    try:
        yield
    finally:
        serve.shutdown()
        ray.shutdown()


def batch(lists: Lists, actors: int, part_documents: int) -> tuple[float, list[int]]:
    """Return the seconds from the making of the actors on, and how many lists each part took."""
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name) / "lists.jsonl", Path(name) / "out"
        rows = [{"query": one.query, "text": one.documents} for one in lists.sets]
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        job = BatchJob(source, output, part_documents=part_documents)
        start = time.perf_counter()
        run_batch_on_ray(job, MODEL, actors=actors)
        taken = time.perf_counter() - start
        manifest = json.loads((output / "_manifest.json").read_text())
    return taken, [part["rows"] for part in manifest["parts"]]


def online(lists: Lists, requests: Sequence[Request], replicas: int) -> tuple[list[float], float]:
    """Return how long each request took, and what one short one takes besides computing.

    Args:
        lists: What is asked, one a request.
        requests: When.
        replicas: Of one core each.
    """
    port = _free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(deployment(MODEL, min_replicas=replicas, document_cache_mb=None), name=f"r{replicas}")
    try:
        return asyncio.run(_asked(f"http://127.0.0.1:{port}/v1/rerank", lists, requests))
    finally:
        serve.shutdown()


async def _asked(url: str, lists: Lists, requests: Sequence[Request]) -> tuple[list[float], float]:
    taken = [0.0] * len(requests)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx2.AsyncClient(timeout=300, limits=limits) as client:
        # A blank document is scored without being read: what is left is the way there and back.
        short = [await _seconds(client, url, {"query": "q", "documents": [" "]}) for _ in range(25)]
        began = time.perf_counter()

        async def ask(number: int) -> None:
            await asyncio.sleep(began + requests[number].at - time.perf_counter())
            one = lists.sets[number]
            taken[number] = await _seconds(client, url, {"query": one.query, "documents": one.documents})

        await asyncio.gather(*(ask(number) for number in range(len(requests))))
    return taken, median(short[5:])


async def _seconds(client: httpx2.AsyncClient, url: str, body: dict[str, Any]) -> float:
    began = time.perf_counter()
    answer = await client.post(url, json=body)
    answer.raise_for_status()
    return time.perf_counter() - began


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
