"""The rendered documentation, made from the Markdown beside it: `python -m docs.site` (extra `docs`)."""
