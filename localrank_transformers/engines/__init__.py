"""How numbers are computed: a room an engine, rows of token ids in, numbers out."""

from __future__ import annotations

import os

# From version 1.29 on ONNX Runtime reports to its maker, and keeps an identifier in the user's cache folder, unless told
# otherwise before it is loaded (its Privacy.md, "Disabling Telemetry"). What the user has set stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
