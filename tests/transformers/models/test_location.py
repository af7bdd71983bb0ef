from __future__ import annotations

from pathlib import Path

import pytest

from localrank import ModelLoadError
from localrank_transformers.models.location import locate


@pytest.mark.parametrize("name", ["notes/faq.txt", "./notes/faq.txt"])
def test_a_file_is_no_model_and_not_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes").mkdir()
    Path("notes/faq.txt").write_text("x")

    with pytest.raises(ModelLoadError, match=rf"'{name}' is a file, not a folder with a model"):
        locate(name)


def test_a_file_that_is_called_like_a_known_model_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mini").write_text("x")

    assert locate("mini").hub is not None
