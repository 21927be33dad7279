from __future__ import annotations

import logging
import sys

from bot.log import Redacting
from bot.redact import hide


def line(message: str, error: Exception | None = None) -> str:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("bot", logging.ERROR, __file__, 1, message, None, info)
    hide("s3cret-token")
    return Redacting().format(record)


def test_secrets_are_hidden_in_messages_and_tracebacks() -> None:
    assert "s3cret" not in line("token s3cret-token", ValueError("s3cret-token"))


def test_interaction_tokens_are_hidden_in_addresses() -> None:
    said = line("PATCH https://discord.com/api/v10/webhooks/123/aW50.-_ZXI/messages/@original failed")
    assert "aW50" not in said
    assert "/webhooks/123/[token]/messages/@original failed" in said


def test_the_rest_stays() -> None:
    assert line("job 7 failed").endswith("bot: job 7 failed")
    assert sys.exc_info() == (None, None, None)
