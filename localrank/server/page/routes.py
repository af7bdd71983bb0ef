"""Where the page is served, with a policy that lets it load only what is in this folder."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

__all__ = ["page_routes"]

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page_routes() -> list[BaseRoute]:
    """Return the routes of the page and its stylesheet."""
    return [Route("/", _page), Route("/style.css", _style)]


async def _page(_: Request) -> Response:
    text, policy = _read_page()
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, media_type="text/html", headers=headers)


async def _style(_: Request) -> Response:
    return Response(_read("style.css"), media_type="text/css")


@cache
def _read_page() -> tuple[str, str]:
    text = _read("index.html")
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _SCRIPT.findall(text)
    ]
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return text, (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _read(name: str) -> str:
    return files("localrank.server.page").joinpath(name).read_text("utf-8")
