"""Write the tables of docs/reference/folders.md from the keys themselves: `python -m tests.docs.folder_keys`."""

from __future__ import annotations

from pathlib import Path

from localrank_transformers.models.folder.stated.keys import ANY, KEYS, Key

PAGE = Path(__file__).parents[2] / "docs/reference/folders.md"

MARK = "<!-- Written by `python -m tests.docs.folder_keys`; edit localrank_transformers/models/folder/stated/keys.py. -->\n\n"


def page() -> str:
    """Return the page with its tables as they are to be."""
    return PAGE.read_text("utf-8").partition(MARK)[0] + MARK + table() + "\n"


def table() -> str:
    """Return the keys as tables of Markdown, one a file."""
    files = dict.fromkeys(key.file for key in KEYS)
    return "\n\n".join(f"### `{file}`\n\n{_rows(file)}" for file in files)


def _rows(file: str) -> str:
    rows = [key for key in KEYS if key.file == file]
    lines = [f"| {_names(key)} | {key.verdict} | {_why(key)} |" for key in rows]
    return "\n".join(["| Key | | What it comes to |", "| --- | --- | --- |", *lines])


def _names(key: Key) -> str:
    return "every other key" if key.names == (ANY,) else ", ".join(f"`{name}`" for name in key.names)


def _why(key: Key) -> str:
    if key.verdict != "refused" or not key.neutral:
        return key.why
    return f"{key.why} Allowed: {', '.join(f'`{one!r}`' for one in key.neutral)}."


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
