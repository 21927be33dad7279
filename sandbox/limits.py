"""Rate limits: a bucket per operation and major parameter, and one for everything together."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.error_codes import ERROR_CODES
from sandbox.errors import ApiError
from sandbox.model import Json
from sandbox.rules import Rulebook, rule

BUCKET = rule("rate_limit_bucket", "Each bucket of requests has a limit (429).")
GLOBAL = rule("rate_limit_global", "All the bot's requests together have a limit (429, global).")

# (requests, seconds). Discord publishes no table and asks clients to read the headers; these are the values
# that its headers have been seen to give, save the last, which stands for everything else.
DEFAULTS: dict[str, tuple[int, float]] = {
    "create_message": (5, 5.0),
    "update_message": (5, 5.0),
    "delete_message": (5, 1.0),
    "bulk_delete_messages": (1, 3.0),
    "trigger_typing_indicator": (5, 5.0),
    "execute_webhook": (5, 2.0),
    "update_original_webhook_message": (5, 2.0),
    "update_webhook_message": (5, 2.0),
    "*": (50, 1.0),
}
GLOBAL_LIMIT = (50, 1.0)
_UNCOUNTED = {
    "create_interaction_response",
    "execute_webhook",
    "get_original_webhook_message",
    "update_original_webhook_message",
    "delete_original_webhook_message",
    "get_webhook_message",
    "update_webhook_message",
    "delete_webhook_message",
}
"""Operations outside the global limit; source: Discord's "Interaction endpoints are not bound to it"."""
_MAJOR = ("channel_id", "guild_id", "webhook_token", "interaction_token")


class RateLimitedError(ApiError):
    """429: wait `retry_after` seconds."""

    def __init__(self, retry_after: float, *, everything: bool) -> None:
        super().__init__(429, 0, "You are being rate limited.")
        self.retry_after = retry_after
        self.everything = everything

    def body(self) -> Json:
        """The JSON answer."""
        return super().body() | {"retry_after": self.retry_after, "global": self.everything}

    def headers(self) -> dict[str, str]:
        """What goes with it; without `Via`, a client takes the answer for a ban."""
        scope = {"X-RateLimit-Global": "true"} if self.everything else {}
        return scope | {
            "Via": "1.1 sandbox",
            "Retry-After": str(math.ceil(self.retry_after)),
            "X-RateLimit-Scope": "global" if self.everything else "user",
        }


class SlowModeError(RateLimitedError):
    """429 with 20016: a channel's slow mode asks for `retry_after` seconds between two messages."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after, everything=False)
        self.code, self.message = 20016, ERROR_CODES[20016][1]


@dataclass
class _Window:
    ends: float
    left: int


class Limits:
    """Counts requests. `table` overrides DEFAULTS by operation; `Limits.none()` counts nothing out."""

    def __init__(
        self,
        table: Mapping[str, tuple[int, float]] | None = None,
        everything: tuple[int, float] = GLOBAL_LIMIT,
    ) -> None:
        self.table = {**DEFAULTS, **(table or {})}
        self.everything = everything
        self._windows: dict[str, _Window] = {}

    @classmethod
    def none(cls) -> Limits:
        """Limits out of reach, for load and for tests of other things."""
        roomy = (1_000_000, 1.0)
        return cls(dict.fromkeys(DEFAULTS, roomy), roomy)

    def count(
        self, operation: str, params: Mapping[str, str], clock: Clock, rules: Rulebook
    ) -> dict[str, str]:
        """Count one request; returns the headers its answer carries, or raises RateLimitedError."""
        now = clock.now()
        if operation not in _UNCOUNTED:
            most, per = self.everything
            whole = self._window("*", most, per, now)
            if whole.left == 0 and GLOBAL in rules:
                raise RateLimitedError(round(whole.ends - now, 3), everything=True)
            whole.left = max(0, whole.left - 1)
        most, per = self.table.get(operation, self.table["*"])
        major = next((params[name] for name in _MAJOR if name in params), "")
        window = self._window(f"{operation}:{major}", most, per, now)
        if window.left == 0 and BUCKET in rules:
            raise RateLimitedError(round(max(window.ends - now, 0.001), 3), everything=False)
        window.left = max(0, window.left - 1)
        return {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(window.left),
            "X-RateLimit-Reset": f"{window.ends:.3f}",
            "X-RateLimit-Reset-After": f"{max(window.ends - now, 0.001):.3f}",
            "X-RateLimit-Bucket": hashlib.sha1(operation.encode(), usedforsecurity=False).hexdigest()[:32],
        }

    def _window(self, key: str, most: int, per: float, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            if len(self._windows) > 10_000:
                self._windows = {name: one for name, one in self._windows.items() if one.ends > now}
            window = self._windows[key] = _Window(now + per, most)
        return window
