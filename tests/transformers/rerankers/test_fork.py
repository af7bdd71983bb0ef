"""A local model in a forked child: by object and by name, after use, after `warm_up`, while the parent loads or ranks."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from tests.support import tiny_models
from tests.support.children import run_script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

RANKING = """
import trio
from localrank_transformers import OnnxReranker, TorchReranker

QUERY, DOCUMENTS = "capital of France", ["Pandas eat bamboo.", "Paris is the capital of France.", "word " * 60]

def scores(results):
    return {hit.index: hit.score for hit in results}

def sync(model):
    return scores(rerank_sync(model, QUERY, DOCUMENTS))
def on_asyncio(model):
    return scores(asyncio.run(rerank(model, QUERY, DOCUMENTS)))
def on_trio(model):
    return scores(trio.run(rerank, model, QUERY, DOCUMENTS))

def ranks_as(expected, way, model):
    def child():
        assert way(model) == expected
    return child

stopped = threading.Event()
def keep_busy(model):
    while not stopped.is_set():
        rerank_sync(model, "busy", [f"document {number} " * (number % 40) for number in range(40)])
"""


def said(script: str, **env: str) -> list[str]:
    done = run_script(RANKING + textwrap.dedent(script), env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A float32 cross-encoder whose tokenizer reads whole texts in parallel, on more threads for one long document."""
    return tiny_models.build(tmp_path / "tiny", max_length=256, style="roberta")


@pytest.mark.parametrize("model", ['OnnxReranker("localrank-tiny")', '"localrank-tiny"'])
def test_after_use(model: str) -> None:
    assert (
        said(f"""
        model = {model}
        expected = sync(model)
        for way in (sync, on_asyncio, on_trio):
            print(in_child(ranks_as(expected, way, model)))
        assert sync(model) == expected
    """)
        == ["ok"] * 3
    )


def test_after_warm_up_alone() -> None:
    assert said("""
        model = OnnxReranker("localrank-tiny")
        asyncio.run(model.warm_up())
        print(in_child(lambda: sync(model)))
    """) == ["ok"]


def test_while_the_parent_ranks_in_four_threads() -> None:
    assert (
        said("""
        model = OnnxReranker("localrank-tiny")
        expected = sync(model)
        threads = [threading.Thread(target=keep_busy, args=(model,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(9):
            print(in_child(ranks_as(expected, (sync, on_asyncio, on_trio)[number % 3], model)))
        stopped.set()
        for thread in threads:
            thread.join()
    """)
        == ["ok"] * 9
    )


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2, 0.4])
def test_while_the_parent_loads(after_s: float) -> None:
    assert said(f"""
        model = OnnxReranker("localrank-tiny")
        thread = threading.Thread(target=sync, args=(model,))
        thread.start()
        time.sleep({after_s})
        print(in_child(lambda: sync(model)))
        thread.join()
    """) == ["ok"]


def test_a_child_that_closes_a_model_leaves_the_parents_alone() -> None:
    assert said("""
        model = OnnxReranker("localrank-tiny")
        expected = sync(model)
        def child():
            model.close()
            assert sync(model) == expected
            model.close()
        print(in_child(child), sync(model) == expected)
    """) == ["ok", "True"]


def test_a_session_of_many_threads_is_made_anew(folder: Path) -> None:
    assert said(f"""
        model = OnnxReranker({str(folder)!r}, precision="fp32", threads=2, optimize=False)
        long = [" ".join(f"w{{number}}" for number in range(150))]
        ask = lambda: [hit.score for hit in rerank_sync(model, "city", long)]
        for _ in range(3):
            expected = ask()
        model._once.get()[0].engine.settle()
        assert model._once.get()[0].engine._wide._session is not None
        def child():
            for _ in range(5):
                assert ask() == expected
        print(in_child(child))
        child = os.fork()
        if child == 0:
            ask()
            sys.exit(0)  # nothing of the parent's threads is waited for
        print(os.waitpid(child, 0)[1])
    """) == ["ok", "0"]


@pytest.mark.parametrize("parallelism", ["", "true", "false"])
def test_a_tokenizer_with_threads_of_its_own_does_without(folder: Path, parallelism: str) -> None:
    assert said(
        f"""
        model = OnnxReranker({str(folder)!r}, precision="fp32", optimize=False)
        many = [" ".join(f"w{{number + shift}}" for number in range(100)) for shift in range(64)]
        ask = lambda: rerank_sync(model, "city", many)
        ask()
        print(in_child(ask, 20))
        """,
        TOKENIZERS_PARALLELISM=parallelism,
    ) == ["ok"]


def test_known_documents_stay_known_while_a_thread_keeps_more() -> None:
    assert (
        said("""
        model = OnnxReranker("localrank-tiny", document_cache_mb=1)
        expected = sync(model)
        thread = threading.Thread(target=keep_busy, args=(model,))
        thread.start()
        for way in (sync, on_asyncio, on_trio):
            print(in_child(ranks_as(expected, way, model)))
        stopped.set()
        thread.join()
    """)
        == ["ok"] * 3
    )


@pytest.mark.slow
@pytest.mark.parametrize("busy", [False, True])
def test_on_torch(tmp_path: Path, busy: bool) -> None:
    pytest.importorskip("torch", reason="needs the extra `torch`")
    from tests.support import torch_models

    encoder = torch_models.build_encoder(tmp_path / "encoder", "bert")

    assert (
        said(f"""
        import torch
        torch.mm(torch.ones(600, 600), torch.ones(600, 600))  # the main thread has a team of OpenMP's
        model = TorchReranker({str(encoder)!r}, device="cpu")
        expected = sync(model)
        threads = [threading.Thread(target=keep_busy, args=(model,)) for _ in range(2 * {busy})]
        for thread in threads:
            thread.start()
        for way in (sync, on_asyncio, on_trio):
            print(in_child(lambda: way(model)))
        stopped.set()
        for thread in threads:
            thread.join()
    """)
        == ["ok"] * 3
    )
