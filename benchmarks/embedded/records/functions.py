"""Records of functions with their documentation, out of wheels: `python -m benchmarks.embedded.records.functions`.

The query is what the documentation says first, the passage the function without its documentation. Nothing of a wheel is run.
Only wheels whose licence was read are taken. `FILE` is one more file of records, `functions.jsonl.gz`.
"""

from __future__ import annotations

import ast
import gzip
import json
import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.common.options import script_parser
from benchmarks.embedded.records.reading import Record

LICENCES = {
    "boltons": "BSD-3-Clause",
    "django": "BSD-3-Clause",
    "more_itertools": "MIT",
    "networkx": "BSD-3-Clause",
    "nltk": "Apache-2.0",
    "pydicom": "MIT",
    "rich": "MIT",
    "scrapy": "BSD-3-Clause",
    "sphinx": "BSD-2-Clause",
    "sympy": "BSD-3-Clause",
    "twisted": "MIT",
    "werkzeug": "BSD-3-Clause",
}

_LETTERS = range(150, 1_600)
"""Of a function: longer ones would be cut, shorter ones do nothing."""

_LINES = 4
_WORDS = range(4, 41)
"""Of what its documentation says first."""

_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?])\s")
_MARKUP = re.compile(r":[a-z:]+:`~?([^`]*)`|`+|[LC]\{([^}]*)\}")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    """Read, draw, write."""
    parser = script_parser(__doc__)
    parser.add_argument("wheels", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=900, help="of a wheel")
    parser.add_argument("--seed", type=int, default=31)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)  # noqa: S311 - sampling, no secret
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(arguments.out, "wt", encoding="utf-8") as lines:
        for wheel in sorted(arguments.wheels):
            found = sorted(functions(wheel), key=lambda one: (one.group, one.passage))
            drawn = dice.sample(found, min(len(found), arguments.most))
            print(f"{wheel.name}: {len(drawn)} of {len(found)} functions")
            for one in drawn:
                lines.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
    return 0


def functions(wheel: Path) -> list[Record]:
    """Return a record a function of a wheel; of equal functions or descriptions the first.

    Raises:
        SystemExit: Nobody has read the wheel's licence.
    """
    name = wheel.name.partition("-")[0].lower()
    if name not in LICENCES:
        raise SystemExit(f"The licence of {wheel.name} is not known; read it, and name it in LICENCES.")
    found: dict[str, Record] = {}
    described: set[str] = set()
    with zipfile.ZipFile(wheel) as archive:
        for path in sorted(archive.namelist()):
            if not path.endswith(".py") or "test" in path:
                continue
            for query, passage in _documented(archive.read(path).decode("utf-8", "replace")):
                if passage not in found and query not in described:
                    described.add(query)
                    found[passage] = Record(
                        "functions", f"functions:{name}", path, query, passage, "function", LICENCES[name]
                    )
    return list(found.values())


def _documented(source: str) -> Iterator[tuple[str, str]]:
    """Yield what the documentation of each function says first, and the function without it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, _Function) and ast.get_docstring(node) and len(node.body) > 1:
            query, passage = _first_said(ast.get_docstring(node) or ""), _undocumented(node, lines)
            if (
                len(query.split()) in _WORDS
                and len(passage) in _LETTERS
                and passage.count("\n") >= _LINES - 1
            ):
                yield query, passage


def _first_said(documentation: str) -> str:
    first = " ".join(_PARAGRAPH.split(documentation.strip())[0].split())
    said = _SENTENCE.split(first)[0].rstrip(".:")
    return _MARKUP.sub(lambda found: found[1] or found[2] or "", said).strip()


def _undocumented(node: _Function, lines: list[str]) -> str:
    documentation = node.body[0]
    kept = [
        *lines[node.lineno - 1 : documentation.lineno - 1],
        *lines[documentation.end_lineno : node.end_lineno],
    ]
    indent = len(kept[0]) - len(kept[0].lstrip())
    return "\n".join(line[indent:].rstrip() for line in kept if line.strip())


if __name__ == "__main__":
    raise SystemExit(main())
