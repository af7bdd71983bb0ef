"""What the menu of the site holds, in order. A page that it leaves out is an error of the build."""

from __future__ import annotations

__all__ = ["CHILDREN", "SECTIONS"]

SECTIONS: dict[str, tuple[str, ...]] = {
    "Start here": ("docs/index", "docs/tutorial/first-ranking", "docs/guides/choose-a-model"),
    "Guides": (
        "docs/guides/documents",
        "docs/guides/stores",
        "docs/guides/sync-and-notebooks",
        "docs/guides/stopping",
        "docs/guides/long-documents",
        "docs/guides/combining",
        "docs/guides/compose",
        "docs/guides/batch",
        "docs/guides/speed",
        "docs/guides/downloads",
        "docs/guides/torch",
        "docs/guides/remote",
        "docs/guides/decisions",
        "docs/guides/frameworks",
        "docs/guides/custom-reranker",
        "docs/guides/testing",
        "docs/guides/evaluate",
        "docs/guides/train",
    ),
    "Deploy": ("docs/guides/deploy", "docs/guides/serve", "docs/guides/scale"),
    "Help": ("docs/guides/troubleshoot", "docs/guides/migrate"),
    "Concepts": ("docs/concepts/*",),
    "Reference": (
        "docs/reference/api",
        "docs/reference/python/*",
        "docs/reference/errors",
        "docs/reference/cli",
        "docs/reference/folders",
    ),
    "Project": (
        "docs/decisions/README",
        "benchmarks/README",
        "examples/README",
        "localrank_transformers/models/bundled/*/MODEL_CARD",
        "packages/*/*/MODEL_CARD",
        "CONTRIBUTING",
        "CHANGELOG",
    ),
}

CHILDREN: dict[str, tuple[str, ...]] = {
    "docs/decisions/README.md": ("[0-9]*",),
    "benchmarks/README.md": ("results/*", "embedded/README"),
    "examples/README.md": ("*/README",),
}
