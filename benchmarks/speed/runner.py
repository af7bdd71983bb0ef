"""Runs a workload: in each repetition every system ranks the same documents in turn, so that ratios are of one moment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from benchmarks.common.machine import CpuWatch, wait_until_still
from benchmarks.speed.limit import work_of
from benchmarks.speed.measurements import ColdStart, SystemTimes, WorkloadResult
from benchmarks.speed.player import Player, Turn
from benchmarks.speed.process import PeerFailed
from benchmarks.speed.systems import REFERENCE, SYSTEMS
from benchmarks.speed.weights import ModelShape
from benchmarks.speed.workloads import SETS, DocumentSet

__all__ = ["DrawSet", "run_cold_starts", "run_workload"]

COLD_DOCUMENTS = 10

DrawSet = Callable[[str, int, int], DocumentSet]
"""Kind, size and number → documents."""


def run_workload(
    kind: str,
    size: int,
    players: Sequence[Player],
    draw_set: DrawSet,
    *,
    repetitions: int,
    shape: ModelShape,
) -> WorkloadResult:
    """Measure all players on one workload; their processes are new and are gone afterwards."""
    result = WorkloadResult(kind, size, systems={player.system.name: SystemTimes() for player in players})
    try:
        for repetition in range(repetitions):
            documents = draw_set(kind, size, repetition % SETS)
            _note_work(result, documents, shape)
            pids = [player.pid for player in players if player.pid is not None]
            watch = CpuWatch(pids)
            start = repetition % len(players)
            _repetition(result, [*players[start:], *players[:start]], documents, watch)
            result.others.append(watch.others())
            print(f"  {result.label}: {repetition + 1} of {repetitions}", file=sys.stderr)
    finally:
        for player in players:
            player.close()
    return result


def _note_work(result: WorkloadResult, documents: DocumentSet, shape: ModelShape) -> None:
    work = work_of(shape, documents.pair_tokens)
    result.tokens.append(sum(documents.pair_tokens))
    result.products.append(work.products)
    result.attention.append(work.attention)


def _repetition(
    result: WorkloadResult, players: Sequence[Player], documents: DocumentSet, watch: CpuWatch
) -> None:
    turns: dict[str, Turn] = {}
    for player in players:
        times = result.systems[player.system.name]
        if times.failure is None:
            wait_until_still(other.pid for other in players if other.pid is not None)
            try:
                turns[player.system.name] = player.turn(documents, watch)
            except PeerFailed as error:
                times.failure = str(error)
        turn = turns.get(player.system.name)
        times.seconds.append(turn.seconds if turn else None)
        times.peak = max(times.peak, turn.peak if turn else 0)
    _compare(result, turns)


def _compare(result: WorkloadResult, turns: dict[str, Turn]) -> None:
    reference = turns.get(REFERENCE)
    if reference is None:
        return
    for name, turn in turns.items():
        if SYSTEMS[name].layout == "embedded":  # its scores are others
            continue
        times = result.systems[name]
        difference = max(abs(score - reference.scores[index]) for index, score in turn.scores.items())
        times.difference = max(difference, times.difference or 0.0)
        times.same_first.append(turn.first == reference.first)


def run_cold_starts(
    players: Sequence[Player], draw_set: DrawSet, *, repetitions: int
) -> dict[str, ColdStart]:
    """Measure process start to first result, interleaved; the files are in the page cache after an untimed round."""
    found = {player.system.name: ColdStart() for player in players}
    for repetition in range(repetitions + 1):
        documents = draw_set("mixed", COLD_DOCUMENTS, repetition % SETS)
        for player in players:
            cold = found[player.system.name]
            if cold.failure is None:
                _cold_start(player, documents, cold, timed=repetition > 0)
        print(f"  cold start: {repetition} of {repetitions}", file=sys.stderr)
    return found


def _cold_start(player: Player, documents: DocumentSet, cold: ColdStart, *, timed: bool) -> None:
    process = player.start()
    try:
        process.ask("keep", name="now", query=documents.query, documents=documents.documents)
        load = player.load(process)
        answer = process.ask("rank", name="now")
        seconds = process.elapsed()
        again = player.load(process)
    except PeerFailed as error:
        cold.failure = str(error)
        return
    finally:
        player.close()
    if timed:
        cold.seconds.append(seconds)
        cold.load.append(load)
        cold.again.append(again)
        cold.rss = answer["rss"]
