"""Stop a long ranking from a button (here: the Enter key) or from a timer."""

from __future__ import annotations

import sys
import threading

from localrank import RerankAbortedError, rerank_sync
from localrank_transformers import OnnxReranker

MODEL = OnnxReranker()
DOCUMENTS = [f"Paragraph {number} of a long report on the harbour. " * 20 for number in range(20_000)]


def rank_until(stop: threading.Event) -> str:
    """Rank far more than anyone waits for, and say how it ended."""
    try:
        best = rerank_sync(
            MODEL, "What does the report say on ferries?", DOCUMENTS, top_k=1, abort_event=stop
        )
    except RerankAbortedError as error:
        return f"stopped: {error.phase}"
    return f"finished: {best[0].text}"


def stop_after(seconds: float) -> threading.Event:
    """Return an event that a timer sets."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    return stop


def stop_on_enter() -> threading.Event:
    """Return an event that the Enter key sets; in a window it would be a button's handler."""
    stop = threading.Event()

    def wait() -> None:
        sys.stdin.readline()
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    return stop


if __name__ == "__main__":
    if sys.argv[1:] == ["--button"]:
        print("Press Enter to stop.")
        print(rank_until(stop_on_enter()))
    else:
        print(rank_until(stop_after(0.5)))
