"""A result on the screen and in `benchmarks/results/`: Markdown for people, JSON for machines, the command in both."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.common.machine import describe
from benchmarks.common.tables import markdown_table

__all__ = ["RESULTS", "Bar", "bars_table", "command_line", "machine_text", "write"]


RESULTS = Path(__file__).resolve().parent.parent / "results"


@dataclass(frozen=True, slots=True)
class Bar:
    """One aim with what was measured.

    Attributes:
        name: What is measured.
        aim: The aim as text.
        measured: The figure as text.
        met: Whether it holds; None where it could not be measured.
    """

    name: str
    aim: str
    measured: str
    met: bool | None


def bars_table(bars: list[Bar]) -> str:
    """Return the aims as a Markdown table."""
    words = {True: "yes", False: "NO", None: "not measured"}
    return markdown_table(
        ["aim", "wanted", "measured", "met"],
        [[bar.name, bar.aim, bar.measured, words[bar.met]] for bar in bars],
        left=2,
    )


def command_line() -> str:
    """Return the command that runs now, as one would type it; of an absolute path only its name."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    module = spec.name.removesuffix(".__main__") if spec else sys.argv[0]
    arguments = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", module, *arguments])


def machine_text(machine: dict[str, Any]) -> str:
    """Return the machine in a line."""
    flags = ", ".join(machine["flags"])
    return (
        f"{machine['cpu']}, {machine['cores']} cores ({flags}), {machine['memory_gb']} GB, "
        f"{machine['system']}, Python {machine['python']}"
    )


def write(
    name: str,
    title: str,
    text: str,
    data: dict[str, Any],
    *,
    folder: Path = RESULTS,
    bars: list[Bar] | None = None,
) -> None:
    """Print a result and write `name`.md and `name`.json.

    Args:
        name: Of the files.
        title: The Markdown heading.
        text: Markdown, without heading.
        data: What a machine may read; plain JSON values.
        folder: Where to.
        bars: Aims, printed as a table after the text.
    """
    machine, command = describe(), command_line()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    place = machine_text(machine)
    parts = [f"# {title}", f"`{command}`", f"{now}; {place}.", text]
    if bars:
        parts.append(bars_table(bars))
    page = "\n\n".join(parts) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(page)
    record = {"command": command, "measured_at": now, "machine": machine, **data}
    if bars:
        record["bars"] = [asdict(bar) for bar in bars]
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(page)
