"""The settings as every command reads them."""

from __future__ import annotations

from bot import log
from bot.config import Settings, unknown_names
from bot.terminal import err


def load_settings() -> Settings:
    """Return the checked settings, after a warning about each line of .env with an unknown name."""
    settings = Settings.load()
    log.configure(settings.log_level, settings.log_format)
    for unknown in unknown_names():
        err.print_plain(str(unknown))
    return settings
