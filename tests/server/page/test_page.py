"""The page and the description of the API."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from localrank.server import create_app
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving


def test_the_page_loads_nothing_from_elsewhere(client: Client) -> None:
    reply = client.get("/")
    page = reply.body

    assert reply.headers["content-type"].startswith("text/html")
    assert re.findall(r'(?:src|href)="(?!data:)([^"]*)"', page) == [
        "style.css",
        "openapi.json",
        "v1/models",
        "metrics",
    ]
    assert client.get("/style.css").headers["content-type"].startswith("text/css")


def test_the_policy_lets_the_pages_own_script_run_and_no_other(client: Client) -> None:
    reply = client.get("/")
    script = reply.body.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    policy = reply.headers["content-security-policy"]
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy


def test_the_page_can_be_switched_off() -> None:
    with serving(create_app({"words": LexicalReranker()}, page=False)) as client:
        assert client.get("/").status == 404
        assert client.get("/style.css").status == 404


def test_the_description_is_valid_openapi(client: Client) -> None:
    validator = pytest.importorskip("openapi_spec_validator")

    validator.validate(client.get("/openapi.json").body)


def test_every_path_of_the_description_is_there(client: Client) -> None:
    paths = client.get("/openapi.json").body["paths"]

    missing = [
        path for path, methods in paths.items() if "post" in methods and client.post(path, b"x").status != 400
    ]
    unread = [path for path, methods in paths.items() if "get" in methods and client.get(path).status != 200]
    assert (missing, unread) == ([], [])
