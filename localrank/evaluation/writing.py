"""The output folder: reports, the saved result, runs and judgements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.answers import AnswerFigures
from localrank.evaluation.report import report_of
from localrank.evaluation.report_html import html
from localrank.evaluation.report_markdown import markdown
from localrank.evaluation.results import Evaluation, SystemResult
from localrank.evaluation.saved import save_evaluation
from localrank.evaluation.scatter import scatter_svg
from localrank.evaluation.trec_run import write_qrels, write_run
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_path
from localrank.providers.files import replace_file
from localrank.providers.trec import file_name

__all__ = ["JOURNAL", "write_reports"]

JOURNAL = "journal.jsonl"
"""The name of the journal in an output folder."""


def write_reports(
    evaluation: Evaluation,
    folder: str | Path,
    *,
    documents: Mapping[str, str] | None = None,
    answers: Sequence[AnswerFigures] = (),
) -> list[Path]:
    """Write `report.md` with `quality-time.svg`, `report.html`, `results.json`, `qrels.txt`, and `runs/<system>.run`.

    Args:
        evaluation: What was found.
        folder: Made where it is absent; files of these names are replaced.
        documents: Document id → text, for the snippets of the queries that moved.
        answers: What `answer_figures` found of its systems.

    Returns:
        The files, most readable first.

    Raises:
        InvalidRequestError: A file cannot be written.
    """
    check_types(locals(), write_reports, Evaluation=Evaluation)
    out = check_path("folder", folder)
    report = report_of(evaluation, documents=documents, answers=answers)
    texts = {
        out / "report.html": html(report),
        out / "report.md": markdown(report, plot="quality-time.svg"),
        out / "quality-time.svg": scatter_svg(evaluation),
    }
    result, qrels = out / "results.json", out / "qrels.txt"
    runs = {out / "runs" / name: system for name, system in _run_names(evaluation).items()}
    try:
        (out / "runs").mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            replace_file(path, text)
        save_evaluation(evaluation, result, answers=answers)
        write_qrels(qrels, evaluation.judgements)
        for path, system in runs.items():
            write_run(path, system.rankings, system.name)
    except OSError as error:
        raise InvalidRequestError(f"{error.filename or out} cannot be written: {error.strerror}.") from None
    return [*texts, result, qrels, *runs]


def _run_names(evaluation: Evaluation) -> dict[str, SystemResult]:
    """Return a file name for each system; two names that become one word get a number."""
    named: dict[str, SystemResult] = {}
    for system in evaluation.systems:
        word = file_name(system.name)
        same = sum(
            name == word or name.startswith(f"{word}~") for name in (Path(file).stem for file in named)
        )
        named[f"{word}~{same + 1}.run" if same else f"{word}.run"] = system
    return named
