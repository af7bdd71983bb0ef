"""Peak memory of the whole process, and what `close()` gives back: `python -m benchmarks.calls.memory --data FOLDER`.

Each case runs in its own process, which gets its documents ready made.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.common.machine import peak_rss, rss
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import bytes_text, markdown_table

ROOT = Path(__file__).resolve().parents[2]
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of a process along its way.

    Attributes:
        imported: Engine imported, no model.
        loaded: Model loaded, one document ranked.
        peak: The highest of all.
        closed: After `close()`.
    """

    imported: int
    loaded: int
    peak: int
    closed: int


def main() -> int:
    """Run every case and compare with the aims."""
    if sys.argv[1:] == ["--child"]:
        return child()
    from benchmarks.common.own import Own, parser  # noqa: PLC0415 - the child must not load it

    arguments = parser(__doc__).parse_args()
    own = Own(arguments)
    cases = {
        "mixed × 100": own.documents("mixed", 100),
        "mixed × 1,000": own.documents("mixed", 1000),
        "512 tokens × 1,000": own.full_documents(1000, 512),
    }
    own.close()
    found = {}
    for name, documents in cases.items():
        request = {
            "model": own.model_name,
            "precision": own.precision,
            "query": documents.query,
            "documents": documents.documents,
        }
        found[name] = _run(request)
    rows = [
        [name, *(bytes_text(value) for value in (one.imported, one.loaded, one.peak, one.closed))]
        for name, one in found.items()
    ]
    text = markdown_table(["whole process", "engine imported", "model loaded", "peak", "after close()"], rows)
    write(
        "memory",
        "Memory",
        f"{own.text}.\n\n{text}",
        {name: asdict(one) for name, one in found.items()},
        folder=arguments.output,
        bars=_bars(found),
    )
    return 0


def _bars(found: dict[str, Memory]) -> list[Bar]:
    hundred, full = found["mixed × 100"], found["512 tokens × 1,000"]
    above = full.peak - full.loaded
    left = max(one.closed - one.imported for one in found.values())
    return [
        Bar("peak, mixed × 100", "≤ 280 MB", bytes_text(hundred.peak), hundred.peak <= 280 * MB),
        Bar("peak, 512 tokens × 1,000", "≤ 320 MB", bytes_text(full.peak), full.peak <= 320 * MB),
        Bar("512 tokens × 1,000 above the loaded model", "< 400 MB", bytes_text(above), above < 400 * MB),
        Bar(
            "left after close(), above the imported engine",
            "≤ 30 MB",
            bytes_text(max(0, left)),
            left <= 30 * MB,
        ),
    ]


def _run(request: Mapping[str, object]) -> Memory:
    command = [sys.executable, "-m", "benchmarks.calls.memory", "--child"]
    done = subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, cwd=ROOT, check=True
    )
    return Memory(**json.loads(done.stdout))


def child() -> int:
    """Rank what standard input holds, and print the memory along the way."""
    request = json.load(sys.stdin)
    import numpy  # noqa: F401, PLC0415
    import onnxruntime  # noqa: F401, PLC0415
    import tokenizers  # noqa: F401, PLC0415

    from localrank import rerank_sync  # noqa: PLC0415
    from localrank_transformers import OnnxReranker  # noqa: PLC0415

    imported = rss()
    model = OnnxReranker(request["model"], precision=request["precision"])
    rerank_sync(model, request["query"], request["documents"][:1])
    loaded = rss()
    rerank_sync(model, request["query"], request["documents"])
    peak = peak_rss()
    model.close()
    gc.collect()
    print(json.dumps(asdict(Memory(imported, loaded, peak, rss()))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
