"""Rankings as CSV and as Markdown, for other programs and for documents."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from localrank.cli.output import print_json_lines, writing
from localrank.contract.texts import shortened

__all__ = ["OUTPUTS", "Output", "print_records"]

Output = Literal["jsonl", "csv", "markdown"]
OUTPUTS: tuple[Output, ...] = ("jsonl", "csv", "markdown")

_SHOWN_CHARACTERS = 200


def print_records(records: Iterable[Mapping[str, Any]], output: Output) -> None:
    """Print each record: as a line of JSON, or as a row of a table whose columns are the keys that any of them has."""
    if output == "jsonl":
        print_json_lines(records)
        return
    rows = list(map(_flat, records))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="")
    with writing():
        if output == "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
        else:
            sys.stdout.writelines(f"{line}\n" for line in _markdown(rows, columns))


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the columns of its document beside its rank; one of the same name gets `document.` before it."""
    own = {name: value for name, value in record.items() if name not in {"document", "outcome"}}
    kind = record.get("outcome", {}).get("kind", "ranked")
    if kind != "ranked":
        own["outcome"] = kind
    document = record.get("document")
    if not isinstance(document, Mapping):
        return own
    own.pop("text", None)
    theirs = {name: value for name, value in document.items() if name not in own}
    for name, value in document.items():
        apart = name
        while apart in own or (apart != name and apart in theirs):
            apart = f"document.{apart}"
        theirs[apart] = value
    return own | theirs


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list, bool)) else value


def _markdown(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Iterable[str]:
    yield f"| {' | '.join(map(_in_markdown, columns))} |"
    yield f"|{'|'.join('---' for _ in columns)}|"
    for row in rows:
        yield f"| {' | '.join(_in_markdown(row.get(name)) for name in columns)} |"


def _in_markdown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(_cell(value)).split())
    shown = shortened(text, _SHOWN_CHARACTERS)
    return shown.replace("\\", "\\\\").replace("|", "\\|")
