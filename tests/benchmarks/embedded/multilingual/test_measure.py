"""What a model gives on a task is measured once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from benchmarks.embedded.multilingual.measure import outcome_of
from benchmarks.embedded.multilingual.tasks import Task

TASK = Task(
    name="en",
    queries={"q": "red fruit"},
    docs={"a": "an apple is a red fruit", "b": "the train is late"},
    qrels={"q": {"a": 1}},
    candidates={"q": [("b", 2.0), ("a", 1.0)]},
)


def test_what_was_measured_before_is_kept_and_another_task_or_model_is_measured(tmp_path: Path) -> None:
    outcome = outcome_of("localrank-tiny", TASK, tmp_path)
    assert (outcome.values, outcome.documents) == ((1.0,), 2)
    (path,) = tmp_path.iterdir()
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"documents": 77}), "utf-8")
    again = outcome_of("localrank-tiny", TASK, tmp_path)
    assert (again.values, again.documents) == ((1.0,), 77)
    fewer = replace(TASK, candidates={"q": [("a", 1.0)]})
    assert outcome_of("localrank-tiny", fewer, tmp_path).documents == 1
    assert outcome_of("localrank-mini", TASK, tmp_path).documents == 2
