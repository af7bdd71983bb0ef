"""Threads that a library has exchanged for greenlets: no wait of ours stands still, in whichever order both are imported."""

from __future__ import annotations

import importlib.util

import pytest

from tests.support.children import run_script

PATCH = {
    "eventlet": "import warnings; warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch()",
    "gevent": "from gevent import monkey; monkey.patch_all()",
}

WORK = """
import asyncio, threading, time
from localrank import DoRerankResult, RerankTimeoutError, ScoredIndex, rerank_sync
from localrank.testing import LexicalReranker, MockReranker
from localrank_transformers import OnnxReranker
{after}
class Sync:
    model_id, provider = "sync", "test"
    def do_rerank_sync(self, options):
        time.sleep(0.01)
        return DoRerankResult([ScoredIndex(i, 0.5) for i in range(len(options.documents))])

class Nesting:
    model_id, provider = "nesting", "test"
    def do_rerank_sync(self, options):
        ranked = rerank_sync(Sync(), options.query, options.documents)
        return DoRerankResult([ScoredIndex(hit.index, hit.score) for hit in ranked])

def many(model):
    threads = [threading.Thread(target=lambda: ended.append(len(rerank_sync(model, "q", ["a", "b"])))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

ended = []
tiny = OnnxReranker("localrank-tiny")
print(rerank_sync(LexicalReranker(), "ferry", ["a train", "a ferry"])[0].index)
print(rerank_sync("localrank-tiny", "ferry", ["a train", "a ferry"])[0].index)
try:
    rerank_sync(MockReranker(delay=60), "q", ["a"], timeout=0.1)
except RerankTimeoutError:
    print("late")
for model in (Sync(), Nesting(), tiny):
    many(model)
print(len(ended))
"""


@pytest.mark.parametrize("order", ["patched before the import", "patched after it"])
@pytest.mark.parametrize("library", PATCH)
def test_calls_end(library: str, order: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    before, after = (PATCH[library], "") if "before" in order else ("", PATCH[library])

    done = run_script(f"{before}\n{WORK.format(after=after)}", prelude="")

    assert (done.returncode, done.stdout.split()) == (0, ["1", "1", "late", "300"]), done.stderr
