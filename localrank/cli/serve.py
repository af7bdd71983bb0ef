"""`localrank serve`: models over HTTP, in the dialects that clients speak."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import click

from localrank.cli.output import exit_codes
from localrank.contract.errors import MissingDependencyError
from localrank.server.door.limits import Limits

__all__ = ["serve"]

_HELP = """\
Serve MODELS over HTTP: the embedded model where none is named, no download and no key.

Clients of Cohere (v1, v2), Jina, TEI, Voyage, Mixedbread, Pinecone, vLLM and Infinity find their paths and shapes on one port;
which dialect a request speaks is seen from its path and body, or forced by a prefix such as /tei. The page at / ranks what you
paste. Needs the extra: pip install "localrank[server]".

A MODEL is anything that `localrank rerank --model` takes. Requests name it as you wrote it, or by an alias.
"""

_EPILOG = """\
Examples:

\b
  localrank serve
  curl localhost:8787/v1/rerank -d '{"query": "What is RAG?", "documents": ["RAG retrieves first.", "Paris is a city."]}'
  localrank serve --alias rerank-v3.5=localrank-mini     for clients that send a fixed model name
  localrank serve localrank-mini localrank-tiny --preload
  localrank serve --host 0.0.0.0 --api-key-file keys.txt
  localrank serve --config serve.toml

Keys also come from LOCALRANK_API_KEYS (separated by commas). SIGTERM and Ctrl-C answer what was accepted and refuse what is
new; SIGHUP reads keys, limits and models anew.

""" + exit_codes()

_LIMITS = {
    "max_body_bytes": "Bytes of a request.",
    "max_held_bytes": "Bytes of all requests at once; beyond, 429.",
    "max_documents": "Documents of a request.",
    "max_document_characters": "Characters of a document.",
    "max_query_characters": "Characters of a query.",
    "max_waiting_tokens": "Estimated tokens accepted and unfinished; beyond, 429.",
    "timeout": "Seconds of a request, waiting included.",
}


def _limit_options(command: click.Command) -> click.Command:
    for limit in fields(Limits):
        whole = isinstance(limit.default, int)
        command.params.append(
            click.Option(
                [f"--{limit.name.replace('_', '-')}"],
                type=click.IntRange(min=1) if whole else click.FloatRange(min=0, min_open=True),
                metavar="N" if whole else "SECONDS",
                help=f"{_LIMITS[limit.name]} [default: {limit.default:,}]",
            )
        )
    return command


@_limit_options
@click.command(help=_HELP, epilog=_EPILOG, short_help="Serve models over HTTP, for every rerank client.")
@click.argument("models", nargs=-1)
@click.option(
    "--alias", "aliases", multiple=True, metavar="NAME=SPEC", help="Serve SPEC under NAME; repeatable."
)
@click.option(
    "--host",
    metavar="ADDRESS",
    help="On which of this machine's addresses to listen; 0.0.0.0 for all. [default: 127.0.0.1]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="At which port to listen. [default: 8787; 0 takes a free one]",
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="TOML with the same words; options win."
)
@click.option("--preload", is_flag=True, default=None, help="Load the models before the first request.")
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keys, one a line. Without any, open.",
)
@click.option(
    "--document-cache-mb",
    type=click.IntRange(min=0),
    metavar="MB",
    help="For vectors of documents seen before; 0 keeps none. [default: 256]",
)
@click.option(
    "--document-store",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="For the same on disk: shared by workers, and there after a restart.",
)
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long SIGTERM waits for what was accepted. [default: 30]",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Answer to this name too; repeatable, * for any. [default: the machine's own names on loopback, else any]",
)
@click.option(
    "--max-idle-connections",
    type=click.IntRange(min=1),
    metavar="N",
    help="Connections without a request that are kept. [default: 256]",
)
@click.option("--no-page", "page", flag_value=False, type=bool, default=None, help="Show no page at /.")
def serve(
    *,
    models: tuple[str, ...],
    aliases: tuple[str, ...],
    allowed_hosts: tuple[str, ...],
    config: Path | None,
    **options: object,
) -> None:
    """Check the options, load what is to be loaded, listen."""
    try:
        from localrank.server.process.running import run_server  # noqa: PLC0415
        from localrank.server.process.settings import read_settings  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            f"The server needs {error.name}, which is not installed.", hint='pip install "localrank[server]"'
        ) from error
    named = [(model, model) for model in models] + [_alias(text) for text in aliases]
    told = {**options, "models": tuple(named) or None, "allowed_hosts": allowed_hosts or None}
    try:
        with _log_on_standard_error():
            run_server(lambda: read_settings(config, told))
    except SystemExit:  # uvicorn's word for an address that it cannot have; its log says which
        raise click.ClickException(
            "The server cannot listen there. Name another port (--port; 0 takes a free one) or address (--host)."
        ) from None


def _alias(text: str) -> tuple[str, str]:
    name, equals, spec = text.partition("=")
    if not equals or not name.strip() or not spec.strip():
        raise click.UsageError(f"--alias {text!r} is not NAME=SPEC.")
    return name.strip(), spec.strip()


@contextmanager
def _log_on_standard_error() -> Iterator[None]:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = {"localrank.server": logging.INFO, "uvicorn.error": logging.WARNING}
    for name, level in loggers.items():
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield
    finally:
        for name in loggers:
            logging.getLogger(name).removeHandler(handler)
