"""The end of a program: nothing is printed and nothing is waited for, whatever was running."""

from __future__ import annotations

import importlib.util
import time

import pytest

from tests.support.children import run_script
from tests.support.rerank_server import RerankServer

MODELS = """
import anyio, atexit, trio

class Blocks:
    model_id, provider = "blocks", "test"
    def do_rerank_sync(self, options):
        time.sleep(60)

def ranked_by(inner, options):
    ranked = rerank_sync(inner, options.query, options.documents)
    return DoRerankResult([ScoredIndex(hit.index, hit.score) for hit in ranked])

class Nesting:
    model_id, provider = "nesting", "test"
    def __init__(self, inner):
        self.inner = inner
    def do_rerank_sync(self, options):
        return ranked_by(self.inner, options)

class NestingOnLoop:
    model_id, provider = "nesting", "test"
    def __init__(self, inner):
        self.inner = inner
    async def do_rerank(self, options):
        return ranked_by(self.inner, options)

def daemon(model):
    threading.Thread(target=rerank_sync, args=(model, "q", ["a"]), daemon=True).start()
    time.sleep(0.2)
async def cell(model):
    return rerank_sync(model, "q", ["a"])
async def hop(model):
    await anyio.to_thread.run_sync(rerank_sync, model, "q", ["a"])
def left(model):
    try:
        rerank_sync(model, "q", ["a"], timeout=0.05)
    except TimeoutError:
        pass
async def left_async(model):
    try:
        await rerank(model, "q", ["a"], timeout=0.05)
    except TimeoutError:
        pass
lexical, slow = LexicalReranker(), MockReranker(delay=60)
"""

ENDINGS = {
    "a loop in the same thread": "asyncio.run(cell(lexical))",
    "trio in the same thread": "trio.run(cell, lexical)",
    "threads of asyncio and trio": "anyio.run(hop, lexical); anyio.run(hop, lexical, backend='trio')",
    "the call of a daemon": "daemon(slow)",
    "the call of a daemon that blocks": "daemon(Blocks())",
    "the nested call of a daemon": "daemon(Nesting(slow))",
    "the call of a daemon, nested in a loop": "daemon(NestingOnLoop(slow))",
    "a call that was left behind": "left(Blocks())",
    "a call that asyncio left behind": "asyncio.run(left_async(Blocks()))",
    "a call that trio left behind": "trio.run(left_async, Blocks())",
    "calls within calls": "rerank_sync(NestingOnLoop(Nesting(NestingOnLoop(lexical))), 'q', ['a'])",
    "a call of an exit handler": "atexit.register(rerank_sync, lexical, 'q', ['a']); rerank_sync(lexical, 'q', ['a'])",
    "a call of a thread after the main one": "threading.Timer(0.1, rerank_sync, (Nesting(lexical), 'q', ['a'])).start()",
    "nested loops of nest_asyncio": """
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import nest_asyncio
    nest_asyncio.apply()
async def nested():
    rerank_sync(lexical, "q", ["a"])
    asyncio.run(rerank(NestingOnLoop(lexical), "q", ["a"]))
asyncio.run(nested())
""",
}


def ends_quietly(code: str) -> None:
    done = run_script(f"{MODELS}\n{code}\nprint(time.time())", "-X", "dev")
    took = time.time() - float(done.stdout.split()[-1])
    noise = [line for line in done.stderr.splitlines() if line and not line.startswith("Executing <")]
    assert (done.returncode, noise) == (0, [])  # asyncio's debug mode speaks of every step that blocks
    assert took < 10  # what is left behind would take 60 s


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_after(ending: str) -> None:
    if "nest_asyncio" in ending and importlib.util.find_spec("nest_asyncio") is None:
        pytest.skip("nest_asyncio is not installed")
    ends_quietly(ending)


def test_what_is_destroyed_last_is_told_that_no_thread_is_left() -> None:
    done = run_script("""
class Sync:
    model_id, provider = "sync", "test"
    def do_rerank_sync(self, options):
        return DoRerankResult([ScoredIndex(0, 1.0)])
class Last:
    def __del__(self, write=os.write):
        try:
            rerank_sync(model, "q", ["a"])
        except Exception as error:
            write(1, (type(error).__name__ + " " + str(error)).encode())
model, last = Sync(), Last()
rerank_sync(model, "q", ["a"])
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("InferenceError The interpreter is ending")


REMOTE = {
    "with connections open in many loops": """
rerank_sync(model, "q", ["a"])
asyncio.run(rerank(model, "q", ["a"]))
trio.run(rerank, model, "q", ["a"])
rerank_sync(NestingOnLoop(model), "q", ["a"])
""",
    "with loops that were never closed": """
loop = asyncio.new_event_loop()
loop.run_until_complete(rerank(model, "q", ["a"]))
loop.close()
""",
    "by a child": """
rerank_sync(model, "q", ["a"])
child = os.fork()
if child == 0:
    rerank_sync(model, "q", ["a"])
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
rerank_sync(model, "q", ["a"])
""",
    "by loops of nest_asyncio": """
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import nest_asyncio
    nest_asyncio.apply()
async def nested():
    asyncio.run(rerank(model, "q", ["a"]))
    await rerank(model, "q", ["a"])
asyncio.run(nested())
rerank_sync(NestingOnLoop(model), "q", ["a"])
""",
}


@pytest.mark.parametrize("ending", REMOTE.values(), ids=REMOTE)
def test_after_a_remote_model_was_called(ending: str) -> None:
    if "nest_asyncio" in ending and importlib.util.find_spec("nest_asyncio") is None:
        pytest.skip("nest_asyncio is not installed")
    with RerankServer("cohere") as server:
        ends_quietly(f"""
from localrank_cohere import CohereReranker
model = CohereReranker("m", api_key="k", base_url={server.url!r})
{ending}""")
