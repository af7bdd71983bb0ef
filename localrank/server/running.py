"""The application in uvicorn: load, listen, reload on SIGHUP, and at the end answer what was accepted."""

from __future__ import annotations

import logging
import os
import signal
import time
from types import FrameType
from typing import Any

import anyio
import uvicorn

from localrank.contract.errors import RerankError
from localrank.server.app import RerankApp, create_app
from localrank.server.settings import ServeSettings

__all__ = ["run_server"]

_log = logging.getLogger("localrank.server")


def run_server(settings: ServeSettings) -> None:
    """Serve until a signal ends it.

    Raises:
        RerankError: A setting, key or model that cannot work; with `preload` also a model that cannot be loaded.
        OSError: The address cannot be listened on.
    """
    app = create_app(
        settings.models,
        limits=settings.limits,
        document_cache_mb=settings.document_cache_mb or None,
        page=settings.page,
    )
    app.state.keys = settings.keys(os.environ)
    if settings.preload:
        anyio.run(_load_all, app)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )
    _Server(config, app, settings).run()


async def _load_all(app: RerankApp) -> None:
    for served in app.served:
        await served.probe()


class _Server(uvicorn.Server):
    """uvicorn, which on the first signal refuses what is new with 503 and goes on until the accepted is answered."""

    def __init__(self, config: uvicorn.Config, app: RerankApp, settings: ServeSettings) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._ends_by: float | None = None
        self._reload = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a second signal ends at once."""
        if self._ends_by is not None:
            super().handle_exit(sig, frame)
            return
        self._app.state.draining = True
        self._ends_by = time.monotonic() + self._settings.drain_seconds

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and say where."""
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._ask_reload)
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                _log.info("Listening on http://%s:%s", f"[{host}]" if ":" in host else host, port)

    async def on_tick(self, counter: int) -> bool:
        """Look after signals; return whether to end."""
        if self._reload:
            self._reload = False
            self._read_keys_anew()
        if self._ends_by is not None and (
            self._app.admission.requests == 0 or time.monotonic() >= self._ends_by
        ):
            return True
        return await super().on_tick(counter)

    def _ask_reload(self, _signal: int, _frame: FrameType | None) -> None:
        self._reload = True

    def _read_keys_anew(self) -> None:
        try:
            self._app.state.keys = self._settings.keys(os.environ)
        except RerankError as error:  # the old ones hold: a slip of the pen must not open the door or lock it
            _log.error("Keys were not read anew: %s", error)
        else:
            _log.info("Keys were read anew: %s", len(self._app.state.keys))
