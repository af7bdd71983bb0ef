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


def test_every_field_of_a_request_is_described(client: Client) -> None:
    schemas = client.get("/openapi.json").body["components"]["schemas"]
    bodies = {name: schema for name, schema in schemas.items() if name.endswith("Body")}

    assert len(bodies) == 6
    assert [
        f"{name}.{field}"
        for name, schema in bodies.items()
        for field, described in schema["properties"].items()
        if not described.get("description")
    ] == []


def test_the_examples_of_the_description_are_answered(client: Client) -> None:
    described = client.get("/openapi.json").body
    schemas = described["components"]["schemas"]
    for path, operations in described["paths"].items():
        if "post" in operations:
            schema = operations["post"]["requestBody"]["content"]["application/json"]["schema"]
            for reference in schema.get("anyOf", [schema]):
                (example,) = schemas[reference["$ref"].rpartition("/")[2]]["examples"]
                assert client.post(path, example).status == 200, (path, example)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/docs", 404, "There is nothing at this path; /openapi.json describes those that there are."),
        ("/v1/rerank", 405, "This path takes POST, not GET."),
    ],
)
def test_a_wrong_door_names_the_right_one(client: Client, path: str, status: int, said: str) -> None:
    answer = client.get(path)

    assert (answer.status, answer.body["message"]) == (status, said)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{'query': 'a'}", "JSON is malformed: object keys must be strings (byte 1)"),
        (b"[]", "Expected `object`, got `array`"),
        (b"", "Input data was truncated"),
        (b'{"\xff": 1}', "Invalid UTF-8 encoded string"),
    ],
)
def test_a_body_that_is_no_json_object_is_told_where(client: Client, body: bytes, reason: str) -> None:
    answer = client.post("/v1/rerank", body)

    assert answer.status == 400
    assert answer.body["message"] == f"The body is no JSON object: {reason}."
