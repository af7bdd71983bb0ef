"""The application with an embedded model, for servers that take an application by its name."""

from localrank.server import create_app

app = create_app(["localrank-tiny"])
