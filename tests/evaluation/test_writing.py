from __future__ import annotations

from pathlib import Path

import pytest

from localrank import InvalidRequestError
from localrank.evaluation import evaluate_sync, load_evaluation, read_run, write_reports
from localrank.testing import LexicalReranker, MockReranker
from tests.support.small_collection import DOCUMENTS, RUN, small_collection


def test_the_folder_holds_reports_result_judgements_and_a_run_of_each_system(tmp_path: Path) -> None:
    models = {"a:b": LexicalReranker(), "a/b": MockReranker()}
    found = evaluate_sync(models, small_collection(), first_stage=RUN)
    written = write_reports(found, tmp_path / "out", documents=DOCUMENTS)

    assert [str(path.relative_to(tmp_path / "out")) for path in written] == [
        "report.html",
        "report.md",
        "quality-time.svg",
        "results.json",
        "qrels.txt",
        "runs/run.run",
        "runs/a-b.run",
        "runs/a-b~2.run",
    ]
    assert all(path.stat().st_size for path in written)
    assert load_evaluation(tmp_path / "out" / "results.json") == found
    assert read_run(tmp_path / "out/runs/run.run") == RUN


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    found = evaluate_sync("lexical:default", small_collection(), first_stage=RUN)

    with pytest.raises(InvalidRequestError, match=r"out.* cannot be written"):
        write_reports(found, tmp_path / "out")
