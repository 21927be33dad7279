"""The settings of one server, parsed from the stored values."""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import UserError
from bot.policy.setting import SERVER, Value
from bot.policy.settings import SETTINGS


class ServerSettings:
    """The settings of one server and its channels, each valid; what is not set has its default.

    stored: channel's id, SERVER for the server's own → name → JSON value. Values that a row does not take,
    from another version of the program, count as not set.
    """

    def __init__(self, stored: Mapping[int, Mapping[str, object]] | None = None) -> None:
        self._values: dict[tuple[int, str], Value] = {}
        for channel_id, values in (stored or {}).items():
            for name, value in values.items():
                try:
                    self._values[channel_id, name] = SETTINGS[name].validate(value)
                except (KeyError, UserError):
                    continue

    def value(self, name: str, channel_id: int = SERVER) -> Value:
        """Return the value of a setting, of one channel for those of a channel."""
        return self._values.get((channel_id, name), SETTINGS[name].default)

    def is_on(self, name: str) -> bool:
        """Return a switch."""
        return self.value(name) is True

    def number(self, name: str, channel_id: int = SERVER) -> float | None:
        """Return a number, or None where it is not set."""
        value = self.value(name, channel_id)
        return value if isinstance(value, float) else None

    def text(self, name: str, channel_id: int = SERVER) -> str | None:
        """Return a text or choice, or None where it is not set."""
        value = self.value(name, channel_id)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return words or choices."""
        value = self.value(name)
        return tuple(one for one in value if isinstance(one, str)) if isinstance(value, tuple) else ()

    def ids(self, name: str) -> frozenset[int]:
        """Return the ids of channels or roles."""
        value = self.value(name)
        return (
            frozenset(one for one in value if isinstance(one, int))
            if isinstance(value, tuple)
            else frozenset()
        )
