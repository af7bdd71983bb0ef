"""`python -m benchmarks.speed`: measure, and write tables, JSON and plots to `benchmarks/results/`."""

from __future__ import annotations

import argparse
import sys
from functools import lru_cache, partial
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.common.machine import memory_total
from benchmarks.common.results import RESULTS
from benchmarks.common.texts import read_texts
from benchmarks.speed.environments import EnvironmentState, default_folder, prepare
from benchmarks.speed.limit import Peaks, measure_peaks
from benchmarks.speed.measurements import ModelResult
from benchmarks.speed.player import Limits, Player
from benchmarks.speed.record import Record
from benchmarks.speed.report import report
from benchmarks.speed.runner import DrawSet, run_cold_starts, run_workload
from benchmarks.speed.systems import SYSTEMS, System
from benchmarks.speed.weights import GIVEN, Weights
from benchmarks.speed.workloads import LENGTHS, SIZES, draw


def main() -> int:
    """Read the command line, measure each set of weights, report."""
    arguments = _arguments()
    record = Record(arguments.output)
    if arguments.report_only:
        report(record.read(), arguments.output)
        return 0
    if arguments.resume:
        record.read()
    systems = [SYSTEMS[name] for name in arguments.systems]
    names = {"localrank", "torch", "onnx", *(system.environment for system in systems)}
    environments = {
        name: prepare(name, arguments.envs, torch_index=arguments.torch_index) for name in sorted(names)
    }
    draw_set = _drawer(arguments.data, arguments.weights)
    for shape in arguments.shapes:
        weights = Weights(arguments.weights, shape, arguments.envs / "models", environments)
        model = record.model(weights.name, weights.shape().text)
        players, failures = _players(systems, weights, environments, arguments)
        model.unavailable.update(failures)
        _measure(model, players, weights, draw_set, record, arguments=arguments)
    report(record, arguments.output)
    return 0


def _measure(
    model: ModelResult,
    players: list[Player],
    weights: Weights,
    draw_set: DrawSet,
    record: Record,
    *,
    arguments: argparse.Namespace,
) -> None:
    print(f"{model.name} ({model.shape})", file=sys.stderr)
    shape, environments = weights.shape(), weights.environments
    peaks = measure_peaks(shape, environments).merged(Peaks(model.peaks))
    wanted = {player.system.name for player in players}
    for kind in arguments.lengths:
        for size in arguments.sizes:
            if arguments.resume and record.has(model, kind, size, wanted, arguments.repetitions):
                continue
            result = run_workload(
                kind,
                size,
                players,
                draw_set,
                repetitions=arguments.repetitions,
                shape=shape,
            )
            record.enter(model, result)
    if arguments.cold_repetitions and not (arguments.resume and wanted <= model.cold.keys()):
        model.cold |= run_cold_starts(players, draw_set, repetitions=arguments.cold_repetitions)
    model.peaks = measure_peaks(shape, environments).merged(peaks).speeds
    record.save()


def _players(
    systems: list[System],
    weights: Weights,
    environments: dict[str, EnvironmentState],
    arguments: argparse.Namespace,
) -> tuple[list[Player], dict[str, str]]:
    limits = Limits(arguments.memory_limit * 1e9, arguments.time_limit, arguments.hold * 1e9)
    players, failures = [], {}
    for system in systems:
        state = environments[system.environment]
        folder, failure = weights.folder(system.layout)
        failure = state.failure or failure
        if failure:
            failures[system.name] = failure
        else:
            players.append(Player(system, state.python, folder, limits))
    return players, failures


def _drawer(data: Path, weights: Path) -> DrawSet:
    texts = read_texts(data)
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lru_cache(maxsize=None)(
        partial(draw, texts, lambda text: tokenizer.encode(text, add_special_tokens=False).offsets)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, help="folder: config.json, model.safetensors, tokenizer, onnx/")
    add("--data", type=Path, help="folder of BEIR collections or of text files")
    add(
        "--envs", type=Path, default=default_folder(), help="folder of environments and exports [%(default)s]"
    )
    add("--output", type=Path, default=RESULTS)
    add(
        "--shapes",
        type=_names,
        default=[GIVEN],
        help=f"{GIVEN} and LAYERSxHIDDEN (random weights), with commas",
    )
    add("--systems", type=_names, default=list(SYSTEMS), help=", ".join(SYSTEMS))
    add("--lengths", type=_names, default=list(LENGTHS))
    add("--sizes", type=lambda text: [int(one) for one in text.split(",")], default=list(SIZES))
    add("--repetitions", type=int, default=7)
    add("--cold-repetitions", type=int, default=7, help="0 leaves cold starts out")
    add("--memory-limit", type=float, default=memory_total() / 2e9, help="GB at which a system is stopped")
    add("--hold", type=float, default=2.0, help="GB above which a process is started anew for each turn")
    add("--time-limit", type=float, default=300.0, help="seconds for one answer")
    add("--torch-index", help="package index for torch, e.g. the one of its CPU builds")
    add("--resume", action="store_true", help="keep what is measured and undisturbed")
    add("--report-only", action="store_true", help="write tables and plots again from the JSON file")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.systems if name not in SYSTEMS]
    if unknown:
        parser.error(f"there is no system {unknown[0]!r}")
    if not arguments.report_only and (arguments.weights is None or arguments.data is None):
        parser.error("--weights and --data are needed")
    return arguments


def _names(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    raise SystemExit(main())
