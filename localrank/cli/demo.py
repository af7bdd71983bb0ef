"""`localrank demo`: one small ranking, before and after, without a network."""

from __future__ import annotations

import click

from localrank.cli.output import print_json_lines, writing
from localrank.cli.ranking import RankRequest, rank, record_of, spent
from localrank.cli.reading import InputDocument
from localrank.cli.terminal import Row, console, moved, show_rows
from localrank.providers.registry import DEFAULT_MODEL

__all__ = ["DEMO_DOCUMENTS", "DEMO_QUERY", "demo"]

DEMO_QUERY = "How does retrieval-augmented generation work?"

DEMO_DOCUMENTS = (
    "Karachi is a city in Pakistan, known for its beaches and its port on the Arabian Sea.",
    "Cross-encoders read a query and a document together and score how well they match.",
    "Retrieval-augmented generation first retrieves the passages that fit a question, then gives them to a language model, "
    "which writes the answer from them.",
    "The capital of France is Paris.",
    "In a RAG system, a generator grounds what it says in retrieved documents, which makes up fewer facts and can be checked.",
)
"""Two texts on RAG, one on cross-encoders, and noise, in an order that helps nobody."""

_HELP = """\
Rank five short texts for one question, and show the order before and after.

Nothing is downloaded and nothing is sent: the model is part of the package.
"""

_EPILOG = """\
Examples:

\b
  localrank demo
  localrank demo -m localrank-tiny
"""


@click.command(help=_HELP, epilog=_EPILOG, short_help="See what reranking does, on five short texts.")
@click.option(
    "-m", "--model", metavar="NAME", default=DEFAULT_MODEL, show_default=True, help="Rank with this model."
)
@click.option("--json", "as_json", is_flag=True, help="Print the ranking as JSON Lines.")
def demo(*, model: str, as_json: bool) -> None:
    """Rank the demo's documents and print both orders."""
    documents = tuple(InputDocument(text, line) for line, text in enumerate(DEMO_DOCUMENTS, 1))
    request = RankRequest(DEMO_QUERY, documents)
    result = rank(model, request)
    if as_json:
        print_json_lines(record_of(ranked, request) for ranked in result)
        return
    before = [Row((str(document.line),), None, document.text) for document in documents]
    after = [
        Row((str(ranked.rank), moved(ranked.index + 1, ranked.rank)), ranked.score, ranked.text)
        for ranked in result
    ]
    out = console()
    with writing():
        out.print(f"Query: {DEMO_QUERY}\n", style="bold")
        out.print("Before: the order in which they came", style="bright_black")
        show_rows(out, "", before, "unknown", lines=2)
        out.print(f"\nAfter: ranked by {result.response.model_id} in {spent(result)}", style="bright_black")
        show_rows(out, DEMO_QUERY, after, result.score_kind, lines=2)
        out.print("\nNow yours:  localrank rerank 'your question' your-file.txt", style="bright_black")
