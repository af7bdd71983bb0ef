"""What went wrong with the hub, as a `ModelLoadError` that says what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from localrank.contract.errors import ModelLoadError
from localrank.contract.retry_after import read_retry_after

__all__ = ["hub_error", "no_hub", "not_here", "status_error"]

_WAYS = (
    "HF_ENDPOINT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)
_LOGIN = "Log in with `hf auth login`, or set HF_TOKEN."


def not_here(repo_id: str, missing: str | None = None) -> ModelLoadError:
    """Return the error for files that are neither here nor allowed to be fetched."""
    what = f"The file {missing} of {repo_id} is" if missing else f"The files of {repo_id} are"
    return ModelLoadError(
        f"{what} not on this machine, and offline mode allows no download.",
        hint=f"Fetch it once with a connection: `localrank models pull {repo_id}`; or unset offline=/HF_HUB_OFFLINE.",
    )


def no_hub(endpoint: str, what: str) -> ModelLoadError:
    """Return the error for an answer that no hub gives, such as the sign-in page of a network."""
    return ModelLoadError(
        f"{endpoint} did not answer as a model hub does when it was asked for {what}.",
        hint="Check the name, HF_ENDPOINT, and whether a proxy or a sign-in page is in between.",
    )


def hub_error(
    error: Exception, *, endpoint: str, repo_id: str, revision: str, name: str | None = None
) -> ModelLoadError:
    """Return the error that `error` of the hub's client means.

    Args:
        error: What the client raised; its text is not repeated, since it may hold a signed address.
        endpoint: The hub's address.
        repo_id: The repository asked for.
        revision: Its revision.
        name: The file asked for; None for the repository itself.
    """
    if type(error).__name__ == "OfflineModeIsEnabled":
        return not_here(repo_id, name)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}:
        return ModelLoadError(
            f"The files of {repo_id} cannot be stored: {error.strerror}.",
            hint="Pass cache_dir=, or set HF_HUB_CACHE, to a folder with room that can be written.",
        )
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    what = f"{name} of {repo_id}" if name else repo_id
    if not isinstance(status, int) and isinstance(error, ValueError | TypeError | KeyError | AttributeError):
        return no_hub(endpoint, what)
    if not isinstance(status, int):
        return _retryable(
            ModelLoadError(
                f"{what} could not be fetched from {endpoint}: {type(error).__name__}{_reason(error)}.",
                hint=f"Check the connection{_variables()}, and call again; what was fetched is kept.",
            )
        )
    headers: Mapping[str, str] = getattr(response, "headers", {})
    return status_error(status, headers, endpoint=endpoint, repo_id=repo_id, revision=revision, name=name)


_LONGEST_REASON = 200


def _reason(error: Exception) -> str:
    """Return the system's own words, which stand behind the client's error; nothing that could hold an address."""
    words = str(error).strip().rstrip(".")
    is_plain = words.startswith("[") and "\n" not in words and "://" not in words and "?" not in words
    return f" {words}" if is_plain and len(words) <= _LONGEST_REASON else ""


def _variables() -> str:
    """Return the variables that say how the hub is reached, those of them that are set."""
    names = [name for name in _WAYS if os.environ.get(name) or os.environ.get(name.lower())]
    return f", and {', '.join(names)}, which {'is' if len(names) == 1 else 'are'} set" if names else ""


def status_error(
    status: int,
    headers: Mapping[str, str],
    *,
    endpoint: str,
    repo_id: str,
    revision: str,
    name: str | None = None,
) -> ModelLoadError:
    """Return the error that an answer with `status` means; its body is not read.

    Args:
        status: Anything but 2xx.
        headers: Of the answer.
        endpoint: The hub's address.
        repo_id: The repository asked for.
        revision: Its revision.
        name: The file asked for; None for the repository itself.
    """
    what = f"{name} of {repo_id}" if name else repo_id
    code = headers.get("X-Error-Code")
    if code == "GatedRepo":
        return ModelLoadError(
            f"{repo_id} is gated: its authors ask everyone to accept their terms first (HTTP {status}).",
            hint=f"Accept them at {endpoint}/{repo_id}. {_LOGIN}",
        )
    if code == "RevisionNotFound":
        return ModelLoadError(
            f"{repo_id} has no revision {revision!r}.", hint="Pass a branch, a tag or a commit of it."
        )
    if status in {401, 404} and code != "EntryNotFound":
        return ModelLoadError(
            f"{endpoint} shows no repository {repo_id} (HTTP {status}): it does not exist, or it is private.",
            hint=f"Check the name. {_LOGIN}",
        )
    if status in {403, 404}:
        denied = f"{endpoint} refuses {what} (HTTP 403)."
        missing = f"There is no {what} at revision {revision!r} (HTTP 404)."
        hint = f"Your token may not read it. {_LOGIN}" if status == 403 else None
        return ModelLoadError(denied if status == 403 else missing, hint=hint)
    return _of_busy_hub(status, headers, endpoint=endpoint, what=what)


def _of_busy_hub(status: int, headers: Mapping[str, str], *, endpoint: str, what: str) -> ModelLoadError:
    if status == 429:
        error = ModelLoadError(
            f"{endpoint} received too many requests (HTTP 429), so {what} was not fetched.",
            hint=f"Wait and call again; a request with a token has a higher limit. {_LOGIN}",
        )
        return _retryable(error, read_retry_after(headers))
    error = ModelLoadError(
        f"{endpoint} answered HTTP {status} for {what}.", hint="Call again later; what was fetched is kept."
    )
    return _retryable(error, read_retry_after(headers)) if status >= 500 or status in {408, 409} else error


def _retryable(error: ModelLoadError, retry_after: float | None = None) -> ModelLoadError:
    error.is_retryable = True
    if retry_after is not None:
        error.retry_after = retry_after  # type: ignore[attr-defined]  # read by the retry policy
    return error
