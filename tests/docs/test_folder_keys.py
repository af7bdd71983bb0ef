"""The page on folders is what the code does with their keys."""

from __future__ import annotations

from collections import Counter

from localrank_transformers.models.folder.stated.keys import KEYS
from tests.docs.folder_keys import PAGE, page


def test_the_tables_of_keys_are_fresh() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.docs.folder_keys"


def test_a_key_has_one_fate() -> None:
    counted = Counter((key.file, name) for key in KEYS for name in key.names)
    assert [one for one, times in counted.items() if times > 1] == []
