"""One repository's place in the standard hub cache: snapshots, blobs, and what we recorded of it.

The layout is the hub client's own (<https://huggingface.co/docs/huggingface_hub/guides/manage-cache>), so that other programs
share the files. One file is ours: `localrank.json` in the repository's folder, with the commit of the first download and the
file names of each commit that was looked up.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["HubStore", "is_commit"]

_RECORD = "localrank.json"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_commit(revision: str | None) -> bool:
    """Whether `revision` is a whole commit, which never changes its meaning."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


class HubStore:
    """Reads and writes one repository's part of a cache folder.

    Args:
        cache: The hub's cache folder.
        repo_id: `organization/name`.
    """

    def __init__(self, cache: Path, repo_id: str) -> None:
        name = f"models--{repo_id.replace('/', '--')}"
        self.root = cache / name
        self._locks = cache / ".locks" / name

    def folder(self, commit: str) -> Path:
        """Return where the files of a commit are."""
        return self.root / "snapshots" / commit

    def blob(self, etag: str) -> Path:
        """Return where the content with this ETag is kept."""
        return self.root / "blobs" / etag

    def lock(self, etag: str) -> Path:
        """Return the lock file of that content, whose folder exists."""
        self._locks.mkdir(parents=True, exist_ok=True)
        return self._locks / f"{etag}.lock"

    def has(self, commit: str, names: Iterable[str]) -> bool:
        """Whether all these files of a commit are here."""
        folder = self.folder(commit)
        return all((folder / name).is_file() for name in names)

    def present(self, commit: str) -> frozenset[str]:
        """Return the names of the files of a commit that are here."""
        folder = self.folder(commit)
        return frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    def add(self, commit: str, name: str, blob: Path) -> None:
        """Let a file of a commit appear, as a link to its content, or a copy where links cannot be made."""
        place = self.folder(commit) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        step = place.with_name(f".{uuid.uuid4().hex[:8]}.tmp")
        try:
            step.symlink_to(os.path.relpath(blob, place.parent))
        except OSError:
            shutil.copyfile(blob, step)
        step.replace(place)

    def reference(self, name: str) -> str | None:
        """Return the commit that a branch or tag meant when it was last looked up."""
        try:
            commit = (self.root / "refs" / name).read_text().strip()
        except OSError:
            return None
        return commit if is_commit(commit) else None

    def keep_reference(self, name: str, commit: str) -> None:
        """Note what a branch or tag means, as the hub client does; a cache that cannot be written is left as it is."""
        if not is_commit(name) and self.reference(name) != commit:
            with suppress(OSError):
                _write(self.root / "refs" / name, commit)

    @property
    def recorded_commit(self) -> str | None:
        """The commit of the first download, which later loads keep to."""
        commit = self._record().get("commit")
        return commit if isinstance(commit, str) and is_commit(commit) else None

    def names(self, commit: str) -> frozenset[str] | None:
        """Return the names of all files of a commit as the hub listed them, or None where they were not looked up."""
        files = self._record().get("files")
        names = files.get(commit) if isinstance(files, dict) else None
        return frozenset(map(str, names)) if isinstance(names, list) else None

    def keep(
        self, *, commit: str | None = None, listed: str | None = None, names: Iterable[str] = ()
    ) -> None:
        """Record the commit to keep to, or the names of the files of the commit `listed`."""
        record = self._record()
        files = record.get("files")
        record["files"] = files if isinstance(files, dict) else {}
        if commit is not None:
            record["commit"] = commit
        if listed is not None:
            record["files"][listed] = sorted(names)
        with suppress(OSError):
            _write(self.root / _RECORD, json.dumps(record, indent=1))

    def _record(self) -> dict[str, Any]:
        try:
            record = json.loads((self.root / _RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}


def _write(place: Path, text: str) -> None:
    """Write in one step: a reader sees the old content or the new."""
    place.parent.mkdir(parents=True, exist_ok=True)
    step = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        step.write_text(text, "utf-8")
        step.replace(place)
    finally:
        step.unlink(missing_ok=True)
