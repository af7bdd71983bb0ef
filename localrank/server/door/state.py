"""What can change while the server runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from localrank.server.door.hosts import Hosts
from localrank.server.door.keys import Keys
from localrank.server.door.limits import Limits

__all__ = ["State"]


@dataclass(slots=True)
class State:
    """What can change while the server runs.

    Attributes:
        keys: Who may come in.
        limits: Bounds of requests and of the queue.
        hosts: The names that it answers to.
        draining: Whether new work is refused, since the server is about to end.
    """

    keys: Keys = field(default_factory=Keys)
    limits: Limits = field(default_factory=Limits)
    hosts: Hosts = field(default_factory=Hosts)
    draining: bool = False
