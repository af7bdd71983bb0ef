"""Which clients live together, what they need, and how each is known to behave when it is refused."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ENVIRONMENTS", "FUZZ", "Client", "Environment"]


@dataclass(frozen=True, slots=True)
class Client:
    """One client, by the name that its file in `clients/` gives it.

    Attributes:
        name: The name.
        retries: Whether it asks again after a 503.
        shows_message: Whether the error that it raises holds the server's words.
        names_model: Whether its requests name a model.
    """

    name: str
    retries: bool = False
    shows_message: bool = True
    names_model: bool = True


@dataclass(frozen=True, slots=True)
class Environment:
    """Clients that can be installed together.

    Attributes:
        requirements: What pip installs.
        files: Files in `clients/`, and the clients that each knows.
        by_hash: Whether `hashes.txt` is installed first, file by file as it says.
        unasked: Whether it is left out unless it is named.
    """

    requirements: tuple[str, ...]
    files: dict[str, tuple[Client, ...]]
    by_hash: bool = False
    unasked: bool = False


_COHERE = (
    Client("cohere v2", retries=True),
    Client("cohere v1", retries=True),
    Client("cohere v2 async", retries=True),
)

# One cohere a version in use: langchain-cohere wants it below 6, LlamaIndex below 7, Haystack takes the newest.
ENVIRONMENTS = {
    "cohere5": Environment(
        ("cohere>=5.21,<6", "langchain-cohere>=0.6,<0.7"),
        {"cohere_sdk": _COHERE, "langchain": (Client("langchain-cohere", retries=True),)},
    ),
    "cohere6": Environment(
        (
            "cohere>=6,<7",
            "llama-index-postprocessor-cohere-rerank>=0.10,<0.11",
            "llama-index-postprocessor-jinaai-rerank>=0.6,<0.7",
            "llama-index-postprocessor-tei-rerank>=0.6,<0.7",
        ),
        {
            "cohere_sdk": _COHERE,
            "llama_index_nodes": (
                Client("llama-index cohere", retries=True),
                Client("llama-index jina"),
                # it looks at the length of whatever comes back, and asserts
                Client("llama-index tei", shows_message=False, names_model=False),
            ),
        },
    ),
    "cohere7": Environment(
        (
            "cohere>=7.3,<8",
            "cohere-haystack>=11,<12",
            "jina-haystack>=2,<3",
            "huggingface-api-haystack>=3.1,<4",
        ),
        {
            "cohere_sdk": _COHERE,
            "haystack_rankers": (
                Client("haystack cohere", retries=True),
                Client("haystack cohere async", retries=True),
                Client("haystack jina"),
                Client("haystack tei", retries=True, names_model=False),
            ),
        },
    ),
    # Releases of it have stolen credentials (MAL-2026-2144: 1.82.7 and 1.82.8), so one file, by its hash, when it is asked for.
    "litellm": Environment(
        ("litellm==1.106.2",),
        {
            "litellm_library": (
                Client("litellm cohere"),
                Client("litellm jina_ai"),
                Client("litellm hosted_vllm"),
                Client("litellm hosted_vllm async"),
                Client("litellm infinity"),
                Client("litellm huggingface", names_model=False),
                Client("litellm voyage"),
                Client("litellm together_ai"),
            )
        },
        by_hash=True,
        unasked=True,
    ),
}

FUZZ = Environment(("schemathesis>=4.32,<5",), {})
