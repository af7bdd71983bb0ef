"""The application in uvicorn: load, listen, reload on SIGHUP, and at the end answer what was accepted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import anyio
import uvicorn

from localrank.contract.errors import RerankError
from localrank.server.app import RerankApp, create_app
from localrank.server.door.hosts import is_loopback
from localrank.server.failures import reason_of
from localrank.server.process.connections import IdleConnections
from localrank.server.process.settings import FIXED, ServeSettings

__all__ = ["run_server"]

_LAST_S = 2
"""Seconds for answers to be written, once no more is ranked."""

_log = logging.getLogger("localrank.server")


def run_server(read: Callable[[], ServeSettings]) -> None:
    """Serve until a signal ends it.

    Args:
        read: Returns what the server is told; called at the start, and again for each SIGHUP.

    Raises:
        RerankError: A setting, key or model that cannot work; with `preload` also a model that cannot be loaded.
        SystemExit: The address cannot be listened on; the log says why.
    """
    settings = read()
    app = create_app(
        settings.models,
        limits=settings.limits,
        document_cache_mb=settings.document_cache_mb or None,
        document_store=settings.document_store,
        page=settings.page,
    )
    app.state.keys, app.state.hosts = settings.keys(os.environ), settings.hosts()
    if not len(app.state.keys) and not is_loopback(settings.host):
        _log.warning("Without keys, whoever reaches %s may rank: --api-key-file sets some.", settings.host)
    if (
        settings.document_cache_mb not in {0, ServeSettings().document_cache_mb}
        and not app.models.keeps_documents
    ):
        _log.warning(
            "document_cache_mb is %s, and no model here is known to read documents apart from the query: nothing is kept.",
            settings.document_cache_mb,
        )
    server = _Server(app, settings, read)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, server.ask_reload)
    if settings.preload:
        anyio.run(_load_all, app)
    server.run()


async def _load_all(app: RerankApp) -> None:
    for served in app.models:
        await served.probe()


class _Server(uvicorn.Server):
    """uvicorn, which on the first signal refuses what is new with 503 and goes on until the accepted is answered."""

    def __init__(self, app: RerankApp, settings: ServeSettings, read: Callable[[], ServeSettings]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_LAST_S,
            )
        )
        self._app = app
        self._settings = settings
        self._read = read
        self._ends_by: float | None = None
        self._reload = False
        self._changing: asyncio.Task[None] | None = None
        self._idle = IdleConnections(settings.max_idle_connections)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to end; a second signal waits for nothing that was accepted, and a third not even for that to stop."""
        if self._ends_by is None:
            self._app.state.draining = True
            self._ends_by = time.monotonic() + self._settings.drain_seconds
        elif self._ends_by:
            self._ends_by = 0
        else:
            self.should_exit = self.force_exit = True

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                _log.info("Listening on http://%s:%s", f"[{host}]" if ":" in host else host, port)

    async def on_tick(self, counter: int) -> bool:
        """Look after signals; return whether to end."""
        if self._reload:
            self._reload = False
            self._read_anew()
        self._idle.look(self.server_state.connections, time.monotonic())
        if self._ends_by is not None and (
            time.monotonic() >= self._ends_by or self._app.admission.requests == 0
        ):
            self._app.stop()
            return True
        return await super().on_tick(counter)

    def ask_reload(self, _signal: int, _frame: FrameType | None) -> None:
        """Read keys, limits, hosts and models anew at the next tick."""
        self._reload = True

    def _read_anew(self) -> None:
        try:
            settings = self._read()
            keys, hosts = settings.keys(os.environ), settings.hosts()
        except RerankError as error:  # the old ones hold: a slip of the pen must not open the door or lock it
            _log.error("Settings were not read anew: %s", error)
            return
        state, self._settings = self._app.state, replace(settings, **self._fixed())
        state.keys, state.limits, state.hosts = keys, settings.limits, hosts
        self._idle.most = settings.max_idle_connections
        _log.info("Keys, limits and hosts were read anew; there are %s keys.", len(keys))
        if self._settings != settings:
            _log.warning(
                "Address, page, cache and store stay as they were until the server is started again."
            )
        self._changing = asyncio.get_running_loop().create_task(self._change_models(self._changing))

    async def _change_models(self, former: asyncio.Task[None] | None) -> None:
        settings = self._settings
        if former is not None:  # models change in the order in which they were asked for
            await former
        try:
            await self._app.change_models(settings.models, preload=settings.preload)
        except Exception as error:
            _log.error("The models stay as they were: %s", reason_of(error))
            return
        _log.info("Models were read anew: %s.", ", ".join(served.name for served in self._app.models))

    def _fixed(self) -> dict[str, Any]:
        return {name: getattr(self._settings, name) for name in FIXED}
