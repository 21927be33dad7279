"""Registration of commands at Discord: what was sent last, so that unchanged commands are not sent again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.store.registrations import Registered, Registrations

Command = Mapping[str, Any]
"""An application command as JSON: as it is sent, or as Discord returns it, with `id` and `version`."""


class RegistrationService:
    """Compares commands with those registered last. `clock` gives Unix time in seconds."""

    def __init__(self, registrations: Registrations, clock: Callable[[], float]) -> None:
        self._registrations = registrations
        self._clock = clock

    async def is_current(
        self, application_id: int, payload: Sequence[Command], registered: Sequence[Command]
    ) -> bool:
        """Tell whether a payload was sent last and Discord still has the versions that it made of it.

        payload: body of the bulk overwrite.  registered: commands that Discord has now.
        Discord's versions alone do not tell: they say nothing of a payload that changed here.
        """
        last = await self._registrations.last(application_id)
        return last == _summary(payload, registered)

    async def record(
        self, application_id: int, payload: Sequence[Command], registered: Sequence[Command]
    ) -> None:
        """Store that a payload was sent just now, and what Discord made of it."""
        await self._registrations.record(application_id, _summary(payload, registered), self._clock())


def _summary(payload: Sequence[Command], registered: Sequence[Command]) -> Registered:
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    versions = sorted(f"{command['id']}:{command['version']}" for command in registered)
    return Registered(digest, json.dumps(versions))
