"""What all local rerankers share: every way to close one closes it once, and loads without open files say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank_transformers.rerankers.base import LocalReranker
from tests.support.children import run_script

pytestmark = pytest.mark.anyio


class Counting(LocalReranker):
    closed = 0

    def close(self) -> None:
        self.closed += 1


async def test_aclose_closes() -> None:
    model = Counting()
    await model.aclose()
    assert model.closed == 1


async def test_leaving_an_async_block_closes() -> None:
    async with Counting() as model:
        assert model.closed == 0
    assert model.closed == 1


def test_leaving_a_block_closes_after_an_error_too() -> None:
    model = Counting()
    with pytest.raises(ZeroDivisionError), model:
        raise ZeroDivisionError
    assert model.closed == 1


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts the open files of Linux")
def test_files_that_cannot_be_opened_are_not_called_absent_or_damaged(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    done = run_script(f"""
        import resource
        from localrank import ModelLoadError
        from localrank_transformers import OnnxReranker
        rerank_sync(OnnxReranker("localrank-tiny"), "q", ["a"])  # all is imported
        models = [OnnxReranker(name) for name in ({str(tmp_path)!r}, "localrank-mini")]
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, limits[1]))
        for one in models:
            try:
                rerank_sync(one, "q", ["a"])
            except ModelLoadError as error:
                print("cannot be loaded: too many files are open. Raise the limit" in str(error))
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        print(len(rerank_sync(models[1], "q", ["a"])))
    """)

    assert (done.returncode, done.stdout) == (0, "True\nTrue\n1\n"), done.stderr
