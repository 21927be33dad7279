"""Discord's error codes, and the errors of a request that did not get through.

Source of the codes: Discord's “JSON Error Codes”, https://discord.com/developers/docs/topics/opcodes-and-status-codes.
"""

from __future__ import annotations

import aiohttp
import discord

NETWORK_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError, discord.RateLimited)
"""Errors after which the request may or may not have taken effect, and the same request may succeed later."""

UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
ALREADY_ACKNOWLEDGED = 40060
INVALID_WEBHOOK_TOKEN = 50027
