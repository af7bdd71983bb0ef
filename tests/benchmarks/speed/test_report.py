from __future__ import annotations

import json
from pathlib import Path

from benchmarks.speed.aims import bars
from benchmarks.speed.measurements import ColdStart, ModelResult, SystemTimes, WorkloadResult
from benchmarks.speed.record import Record
from benchmarks.speed.report import page
from benchmarks.speed.report_tables import (
    fastest_peer,
    latency_table,
    limit_table,
    multiple_of_limit,
    peers_table,
)


def times(*seconds: float | None, **more: object) -> SystemTimes:
    return SystemTimes(list(seconds), peak=300_000_000, **more)


def measured() -> ModelResult:
    workload = WorkloadResult(
        "mixed",
        20,
        tokens=[100, 100, 100],
        products=[2e9] * 3,
        attention=[0.0] * 3,
        others=[0.0, 0.5, 0.0],
        systems={
            "localrank-int8": times(0.010, 0.010, 0.020),
            "localrank-fp32": times(0.020, 0.030, 0.020),
            "st-torch-fp32": times(0.100, 0.120, 0.100),
            "st-openvino": times(0.050, 0.050, 0.050),
            "fastembed-int8": times(None, None, None, failure="stopped above 12 GB"),
        },
    )
    return ModelResult(
        "mini",
        "6×384",
        {"ort_int8": 1000.0, "ort_fp32": 500.0},
        [workload],
        {"localrank-int8": ColdStart([0.3], [0.2], 158_000_000)},
        {"flashrank-int8": "pip install FlashRank: ERROR: no such version"},
    )


def test_the_latency_table_shows_the_median_and_the_ratio_to_the_reference() -> None:
    line = next(row for row in latency_table(measured(), "mixed").splitlines() if "OpenVINO" in row)
    assert line.endswith("| 50.0 (2.00×) |")


def test_the_fastest_peer_is_never_our_own() -> None:
    assert fastest_peer(measured().workloads[0], exact=False) == "st-openvino"


def test_the_embedded_model_stands_beside_the_others_and_against_the_fastest_peer() -> None:
    model = measured()
    workload = model.workloads[0]
    workload.kind, workload.systems["localrank-mini"] = "short", times(0.010, 0.025, 0.025)
    assert "| 25.0 (4.80×) |" in next(
        row for row in latency_table(model, "short").splitlines() if "localrank-mini" in row
    )
    assert fastest_peer(workload, exact=False) == "st-openvino"
    (bar,) = [one for one in bars(model) if "localrank-mini" in one.name]
    assert (bar.aim, bar.measured, bar.met) == ("≥ 2.8", "2.00", False)
    assert "localrank-mini" not in limit_table(model, exact=False)


def test_the_fastest_exact_peer_computes_in_float32() -> None:
    assert fastest_peer(measured().workloads[0], exact=True) == "st-torch-fp32"


def test_ours_are_held_against_the_fastest_peer_within_each_repetition() -> None:
    assert "| mixed × 20 | 5.00× |" in peers_table(measured())
    assert "| 5.00× | sentence-transformers torch fp32 |" in peers_table(measured())


def test_the_multiple_of_the_limit_uses_the_fastest_measured_product() -> None:
    model = measured()  # 2 GFLOP at 1,000 GFLOP/s are 2 ms
    assert multiple_of_limit(model, model.workloads[0], "localrank-int8") == 5.0


def test_float32_stands_against_the_limit_of_float32_too() -> None:
    model = measured()  # 2 GFLOP at 500 GFLOP/s are 4 ms
    assert multiple_of_limit(model, model.workloads[0], "localrank-fp32", exact=True) == 5.0
    table = limit_table(model, exact=True)
    assert "localrank fp32" in table
    assert "localrank int8" not in table


def test_a_workload_is_marked_when_half_of_its_repetitions_were_disturbed() -> None:
    model = measured()
    assert "20\\*" not in latency_table(model, "mixed")
    model.workloads[0].others = [0.2, 0.2, 0.0]
    assert "20\\*" in latency_table(model, "mixed")


def test_what_could_not_be_measured_is_on_the_page_with_its_reason(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.models = [measured()]
    text = page(record, {})
    assert "FlashRank int8: not set up: pip install FlashRank: ERROR: no such version" in text
    assert "fastembed int8 at mixed × 20: stopped above 12 GB" in text


def test_an_aim_that_is_missed_says_so() -> None:
    model = measured()
    assert [bar.met for bar in bars(model)] == [True, True]
    model.workloads[0].systems["localrank-int8"].seconds = [0.049, 0.049, 0.049]
    assert [bar.met for bar in bars(model)] == [False, True]


def test_an_aim_beyond_the_limit_says_what_the_limit_allows() -> None:
    model = measured()
    model.peaks["ort_fp32"] = 30.0  # 2 GFLOP are 67 ms
    exact = next(bar for bar in bars(model) if bar.name.startswith("fp32"))
    assert exact.measured == "5.00, of 1.50 that float32 products allow"


def test_a_record_reads_what_it_saved(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.models = [measured()]
    record.save()
    assert Record(tmp_path).read().models == [measured()]
    assert json.loads((tmp_path / "speed.json").read_text())["commands"] == record.commands


def test_only_an_undisturbed_workload_with_all_systems_counts_as_measured(tmp_path: Path) -> None:
    record, model = Record(tmp_path), measured()
    assert record.has(model, "mixed", 20, {"st-openvino"}, 3)
    assert not record.has(model, "mixed", 20, {"st-openvino"}, 4)
    assert not record.has(model, "mixed", 20, {"rerankers"}, 3)
    model.workloads[0].others = [1.0, 1.0, 1.0]
    assert not record.has(model, "mixed", 20, {"st-openvino"}, 3)
