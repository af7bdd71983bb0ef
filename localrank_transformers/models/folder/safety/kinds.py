"""What a file is that should have been a model's and is not."""

from __future__ import annotations

__all__ = ["no_model"]

_BEGINNING = 512

_BEGINNINGS = {
    b"version https://git-lfs": "a pointer of Git LFS, which stands for a file that was not fetched (`git lfs pull`)",
    b"version https://hawser": "a pointer of Git LFS, which stands for a file that was not fetched (`git lfs pull`)",
    b"<!doctype html": "a web page, such as a login or an error page that was saved",
    b"<html": "a web page, such as a login or an error page that was saved",
    b"<?xml": "XML, such as the error of a file store that was saved",
    b"pk\x03\x04": "a zip archive; a pickle of torch is one too",
    b"\x1f\x8b": "compressed with gzip",
    b"\x80\x02": "a pickle",
    b"\x80\x04": "a pickle",
    b"gguf": "in GGUF, the format of llama.cpp",
}


def no_model(content: bytes) -> str | None:
    """Return what a file is that should have been a model's, such as `"empty"`; None where its beginning does not tell."""
    beginning = content[:_BEGINNING].lstrip().lower()
    if not beginning.strip(b"\0"):
        return "empty" if not content else "nothing but zeros or blanks"
    return next((what for start, what in _BEGINNINGS.items() if beginning.startswith(start)), None)
