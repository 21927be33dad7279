"""Reaching Discord: the address, login, connection, and waiting while Discord is out of reach."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import aiohttp
import discord
import yarl

from bot.app import ENGINES, Antiphon
from bot.config import DISCORD, Settings
from bot.errors import ConfigError, SetupError

log = logging.getLogger(__name__)

_TOKEN_REFUSED = (
    "Discord refused DISCORD_TOKEN: make a new one in the developer portal (Bot → Reset Token), put it into "
    ".env and start again."
)
_AUTHENTICATION_FAILED = 4004
START_WAITS = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between the attempts to reach Discord at start; the last one is repeated."""


async def run(settings: Settings, engines: str = ENGINES, clock: Callable[[], float] = time.time) -> None:
    """Run the bot until it is cancelled; Discord being out of reach is waited out, before and after login.

    Raises ConfigError for a refused token, SetupError with one sentence for whatever else has to be mended.
    """
    token = settings.required_token().get_secret_value()
    follow_address(settings.discord_api_url)
    bot = Antiphon(settings, engines, clock)
    try:
        async with bot:
            await _repeat(bot, lambda: _login(bot, token))
            await _repeat(bot, bot.connect)
    except discord.LoginFailure as error:
        raise ConfigError(_TOKEN_REFUSED) from error
    except discord.GatewayNotFound as error:
        raise (ConfigError(_TOKEN_REFUSED) if _status(error) == 401 else _refused(settings, error)) from error
    except discord.PrivilegedIntentsRequired as error:
        raise SetupError("Discord refuses the bot's intents (gateway close code 4014).") from error
    except discord.ConnectionClosed as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise ConfigError(_TOKEN_REFUSED) from error
        raise SetupError(
            f"Discord closed the connection for good (gateway close code {error.code})."
        ) from error
    except discord.HTTPException as error:
        raise _refused(settings, error) from error
    if bot.failure is not None:
        raise bot.failure


async def _login(bot: Antiphon, token: str) -> None:
    """Log in and set the bot up; after an attempt that failed, on a new HTTP session."""
    try:
        await bot.login(token)
    except (TypeError, KeyError) as error:
        if bot.set_up:
            raise
        # A 200 that is not Discord's, such as the sign-in page of a guest network.
        raise aiohttp.ClientConnectionError("the answer is not Discord's") from error
    finally:
        if not bot.set_up:
            await bot.http.close()
            bot.http.connector = discord.utils.MISSING


async def _repeat(bot: Antiphon, step: Callable[[], Awaitable[None]]) -> None:
    """Take a step of the start, again after a growing wait while Discord cannot be reached or answers 5xx."""
    for attempt in range(10**6):
        was_set_up = bot.set_up
        try:
            await step()
            return
        except Exception as error:
            # What fails within setup_hook, or ends a connection that stood, is no matter of waiting.
            if not _passes(error) or bot.set_up != was_set_up or bot.is_closed():
                raise
            wait = START_WAITS[min(attempt, len(START_WAITS) - 1)]
            log.warning(
                "Discord can't be reached at %s (%s). Trying again in %g s. Check the network and "
                "DISCORD_API_URL.",
                bot.settings.discord_api_url,
                f"status {_status(error)}" if _status(error) else f"{type(error).__name__}: {error}",
                wait,
            )
        await asyncio.sleep(wait)


def _passes(error: Exception) -> bool:
    """Tell whether waiting may help: no connection, a server's error, or a limit on this address."""
    status = _status(error)
    if status is not None:
        return status >= 500 or status == 429
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError, discord.GatewayNotFound))


def _status(error: BaseException | None) -> int | None:
    """Return the HTTP status that caused an error of discord.py's, or None."""
    if isinstance(error, discord.GatewayNotFound):
        error = error.__cause__
    return error.status if isinstance(error, discord.HTTPException) else None


def _refused(settings: Settings, error: Exception) -> SetupError:
    return SetupError(
        f"{settings.discord_api_url} refused the login (status {_status(error)}). Check DISCORD_API_URL."
    )


def follow_address(api_url: str) -> None:
    """Point discord.py's REST, gateway and assets at `api_url`.

    discord.py has no setting for that: each request, each connection to the gateway and each avatar's
    address is built from one of these three class attributes. They are replaced here and nowhere else.
    """
    if api_url == DISCORD:
        return
    address = yarl.URL(api_url)
    discord.http.Route.BASE = api_url
    gateway = address.origin().with_scheme("wss" if address.scheme == "https" else "ws") / "gateway"
    # Dialled after an invalid session, in place of what GET /gateway/bot said.
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway
    discord.asset.Asset.BASE = str(address.origin())
