"""What all local rerankers share: every way to close one closes it once, and loads without open files say so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localrank_transformers.engines.native.library import usable
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


SHORT_OF_MEMORY = """
    import resource
    from localrank import InferenceError, ModelLoadError
    from localrank_transformers import OnnxReranker
    from localrank_transformers.call.call import LocalCall
    from localrank.contract.model import DoRerankOptions

    def without_memory(work):
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        limits = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + {spare}, limits[1]))
        try:
            work()
        except (InferenceError, ModelLoadError) as error:
            print(type(error).__name__, error)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)

    def call(model, text):  # in this thread, since none can be made
        return LocalCall(model._once.get, DoRerankOptions("pandas", (text,))).run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_run_for_which_there_is_no_memory_says_so_and_the_next_one_runs() -> None:
    done = run_script(
        SHORT_OF_MEMORY.format(spare=100 << 10)
        + """
    model = OnnxReranker()
    before = call(model, "They eat.").results[0].score
    without_memory(lambda: call(model, "bamboo " * 600))
    print(call(model, "They eat.").results[0].score == before)
    """,
        env={"MALLOC_ARENA_MAX": "1"},
    )
    assert (done.stderr, done.returncode) == ("", 0)
    said = "There is not enough memory for a run: " if usable() else "ONNX Runtime failed: "
    assert done.stdout.startswith(f"InferenceError {said}")
    assert done.stdout.endswith("\nTrue\n")


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_library_for_which_there_is_no_memory_is_not_called_a_damaged_model() -> None:
    done = run_script(
        SHORT_OF_MEMORY.format(spare=16 << 20)
        + """
    model = OnnxReranker()
    without_memory(model._once.get)
    """,
        env={"MALLOC_ARENA_MAX": "1"},
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert "what runs it cannot be imported" in done.stdout
    assert "PLEASE READ" not in done.stdout
    assert "memory" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_model_for_which_there_is_no_memory_is_not_called_damaged() -> None:
    done = run_script(
        SHORT_OF_MEMORY.format(spare=2 << 20)
        + """
    threading.stack_size(1 << 18)
    call(OnnxReranker("localrank-tiny"), "all is imported")
    model = OnnxReranker()
    without_memory(model._once.get)
    print(call(model, "They eat.").results[0].score > 0)
    """,
        env={"MALLOC_ARENA_MAX": "1"},
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith(
        "ModelLoadError localrank-mini cannot be loaded: there is not enough memory"
    )
    assert "nstall" not in done.stdout
    assert done.stdout.endswith("\nTrue\n")
