"""One tree of errors that say what happened, travel between processes and never show a secret."""

from __future__ import annotations

import copy
import pickle

import pytest

from localrank.contract import errors as tree
from localrank.contract.errors import (
    APICallError,
    AuthenticationError,
    ConnectionFailedError,
    InferenceError,
    InvalidRequestError,
    InvalidResponseError,
    MissingAPIKeyError,
    MissingDependencyError,
    ModelLoadError,
    RateLimitError,
    RerankAbortedError,
    RerankError,
    RerankTimeoutError,
    RetryError,
    ServerError,
    UnknownModelError,
)

ALL = [getattr(tree, name) for name in tree.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("error_type", ALL)
def test_every_error_belongs_to_the_tree(error_type: type[Exception]) -> None:
    assert issubclass(error_type, RerankError)


def test_an_error_reads_as_its_message_and_its_hint_where_it_has_one() -> None:
    assert str(RerankError("It broke.")) == "It broke."
    assert str(RerankError("It broke.", hint="Mend it.")) == "It broke. Mend it."


def test_codes_are_unique() -> None:
    codes = [error_type.code for error_type in ALL]

    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize(
    ("error_type", "builtin"),
    [
        (InvalidRequestError, ValueError),
        (UnknownModelError, LookupError),
        (MissingDependencyError, ImportError),
        (RerankTimeoutError, TimeoutError),
    ],
)
def test_an_error_is_also_the_builtin_one(error_type: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(error_type, builtin)


@pytest.mark.parametrize("error_type", ALL)
def test_the_hint_is_part_of_the_text(error_type: type[RerankError]) -> None:
    assert str(error_type("It broke.", hint="Mend it.")) == "It broke. Mend it."


@pytest.mark.parametrize("error_type", ALL)
@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_pickling_and_copying(error_type: type[RerankError], duplicate: object) -> None:
    error = error_type("It broke.", hint="Mend it.")

    again = duplicate(error)

    assert (type(again), again.message, again.hint, str(again)) == (
        error_type,
        "It broke.",
        "Mend it.",
        "It broke. Mend it.",
    )


def test_the_fields_of_an_api_error_survive_pickling() -> None:
    error = RateLimitError(
        "Slow down.", url="https://api.test/v2", status=429, headers={"Retry-After": "7"}, request_id="r-1"
    )

    again = pickle.loads(pickle.dumps(error))

    assert (again.url, again.status, again.retry_after, again.request_id, again.is_retryable) == (
        "https://api.test/v2",
        429,
        7.0,
        "r-1",
        True,
    )


def test_the_errors_of_a_retry_error_survive_pickling() -> None:
    error = RetryError("2 attempts failed.", reason="not_retryable", errors=[ServerError("a"), OSError("b")])

    again = pickle.loads(pickle.dumps(error))

    assert [type(one) for one in again.errors] == [ServerError, OSError]
    assert (again.reason, str(again.last_error)) == ("not_retryable", "b")


def test_a_retry_error_without_attempts_has_no_last_error() -> None:
    assert RetryError("Nothing ran.").last_error is None


def test_the_phase_of_an_abort_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(RerankAbortedError(phase="waiting"))).phase == "waiting"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://user:SECRET@api.test:8080/v2/rerank?key=SECRET#SECRET", "https://api.test:8080/v2/rerank"),
        ("https://api.test/v2?api_key=SECRET", "https://api.test/v2"),
        ("http://[::1]:80/rerank", "http://[::1]:80/rerank"),
        ("http://[SECRET", "<invalid address>"),
        (None, None),
    ],
)
def test_the_address_of_an_api_error_holds_no_key(given: str | None, kept: str | None) -> None:
    assert APICallError("No.", url=given).url == kept


@pytest.mark.parametrize(
    "name", ["Authorization", "authorization", "X-API-Key", "api-key", "Cookie", "Proxy-Authorization"]
)
def test_secret_headers_are_masked(name: str) -> None:
    error = APICallError("No.", url="https://a.test/?k=SECRET", headers={name: "SECRET", "Date": "today"})

    assert error.headers == {name: "***", "Date": "today"}
    assert "SECRET" not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *((status, False) for status in (None, 400, 401, 404, 422)),
        *((status, True) for status in (408, 409, 429, 500, 503, 599)),
    ],
)
def test_the_status_says_whether_a_retry_may_help(status: int | None, retryable: bool) -> None:
    assert APICallError("No.", status=status).is_retryable is retryable


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ConnectionFailedError("No."), True),
        (ServerError("No."), True),
        (RateLimitError("No."), True),
        (AuthenticationError("No.", status=401), False),
        (ServerError("No.", status=503, is_retryable=False), False),
        (APICallError("No.", status=404, is_retryable=True), True),
        (InferenceError("No."), False),
        (ModelLoadError("No."), False),
        (InvalidResponseError("No."), False),
        (MissingAPIKeyError("No."), False),
    ],
)
def test_each_kind_knows_whether_a_retry_may_help(error: RerankError, retryable: bool) -> None:
    assert error.is_retryable is retryable


def test_retry_after_given_beats_the_headers() -> None:
    assert APICallError("No.", headers={"retry-after": "9"}, retry_after=2.5).retry_after == 2.5


def test_a_model_that_cannot_be_loaded_always_says_what_to_do() -> None:
    assert str(ModelLoadError("config.json is malformed.")) == (
        "config.json is malformed. Fetch or save its files anew; if they are whole, take another model."
    )
    assert str(ModelLoadError("It is absent.", hint="Fetch it.")) == "It is absent. Fetch it."
