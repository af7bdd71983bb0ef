from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.common.machine import CpuWatch
from benchmarks.speed.player import Limits, Player
from benchmarks.speed.process import PeerFailed, PeerProcess
from benchmarks.speed.runner import run_cold_starts, run_workload
from benchmarks.speed.systems import SYSTEMS
from benchmarks.speed.weights import GIVEN, ModelShape, Weights
from benchmarks.speed.workloads import DocumentSet
from tests.support.tiny_models import build

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

DOCUMENTS = DocumentSet(
    "what is the capital", ["paris is a port", "the capital of france", "pasta"], [9, 9, 6]
)
LIMITS = Limits(memory=4e9, seconds=60, hold=2e9)


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    made = Player(SYSTEMS["localrank-fp32"], Path(sys.executable), build(tmp_path / "model"), LIMITS)
    yield made
    made.close()


def test_a_system_ranks_in_its_own_process(player: Player) -> None:
    turn = player.turn(DOCUMENTS, CpuWatch())
    assert sorted(turn.scores) == [0, 1, 2]
    assert turn.seconds > 0
    assert turn.peak > 10_000_000


def test_a_process_over_the_holding_limit_is_given_up_and_the_next_turn_gives_the_same(
    tmp_path: Path,
) -> None:
    greedy = Limits(memory=4e9, seconds=60, hold=0)
    player = Player(SYSTEMS["localrank-fp32"], Path(sys.executable), build(tmp_path / "model"), greedy)
    first = player.turn(DOCUMENTS, CpuWatch())
    assert player.pid is None
    assert player.turn(DOCUMENTS, CpuWatch()).scores == first.scores


def test_what_a_system_raises_is_its_failure(player: Player) -> None:
    process = player.start()
    process.ask("keep", name="now", query="q", documents=["d"])
    with pytest.raises(PeerFailed, match="rank before load"):
        process.ask("rank", name="now")


def test_a_process_that_dies_is_a_failure(tmp_path: Path) -> None:
    process = PeerProcess(Path("/bin/false"), memory_limit=4e9, time_limit=60)
    with pytest.raises(PeerFailed, match="died"):
        process.ask("load", adapter="localrank", folder=str(tmp_path), precision="fp32")
    process.close()


def test_a_process_over_the_memory_limit_is_stopped(tmp_path: Path) -> None:
    process = PeerProcess(Path(sys.executable), memory_limit=1e6, time_limit=60)
    with pytest.raises(PeerFailed, match="stopped above"):
        process.ask("load", adapter="localrank", folder=str(build(tmp_path / "model")), precision="fp32")
    process.close()


def test_a_process_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    process = PeerProcess(Path(sys.executable), memory_limit=4e9, time_limit=0.01)
    with pytest.raises(PeerFailed, match="stopped after"):
        process.ask("load", adapter="localrank", folder=str(build(tmp_path / "model")), precision="fp32")
    process.close()


def test_a_workload_has_a_time_a_repetition_and_a_failed_system_its_reason(
    player: Player, tmp_path: Path
) -> None:
    broken = Player(SYSTEMS["localrank-int8"], Path(sys.executable), tmp_path / "nowhere", LIMITS)
    result = run_workload(
        "mixed", 3, [player, broken], lambda *_: DOCUMENTS, repetitions=2, shape=ModelShape(1, 2, 8)
    )
    assert [seconds is not None for seconds in result.systems["localrank-fp32"].seconds] == [True, True]
    assert result.systems["localrank-int8"].seconds == [None, None]
    assert "nowhere" in (result.systems["localrank-int8"].failure or "")
    assert result.tokens == [24, 24]
    assert player.pid is None


def test_a_cold_start_holds_the_loading(player: Player) -> None:
    cold = run_cold_starts([player], lambda *_: DOCUMENTS, repetitions=1)["localrank-fp32"]
    assert cold.seconds[0] > cold.load[0] > cold.again[0] > 0


def test_the_embedded_model_is_measured_with_weights_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    weights = Weights(tmp_path, GIVEN, tmp_path, {})
    folder, failure = weights.folder("embedded")
    assert failure is None
    players = [
        Player(SYSTEMS["localrank-mini"], Path(sys.executable), folder, LIMITS),
        Player(SYSTEMS["st-torch-fp32"], Path(sys.executable), tmp_path / "nowhere", LIMITS),
    ]
    result = run_workload("short", 3, players, lambda *_: DOCUMENTS, repetitions=1, shape=ModelShape(1, 2, 8))
    assert result.systems["localrank-mini"].seconds[0] is not None
    assert Weights(tmp_path, "2x128", tmp_path, {}).folder("embedded")[1] is not None
