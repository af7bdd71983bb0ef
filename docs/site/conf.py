"""How Sphinx renders the staged pages."""

from __future__ import annotations

from localrank import __version__

project = "localrank"
html_title = f"localrank {__version__}"
html_theme = "furo"
pygments_dark_style = "github-dark"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
smartquotes_action = "qe"  # quotes and dots alone: a dash of two is the beginning of an option
default_role = "code"  # docstrings mark names as Markdown does
myst_heading_anchors = 6
maximum_signature_line_length = 90
toc_object_entries = False  # hundreds of names, which would be computed for the menu of every page

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_mock_imports = [
    *("haystack", "lancedb", "langchain_classic", "langchain_core", "llama_index"),
    *("pandas", "pydantic", "pyterrier", "ray", "torch"),
]
napoleon_numpy_docstring = False
napoleon_use_ivar = True
