"""A server's limits on audio within 24 hours, share of the queue and pace, as the database counts them."""

from __future__ import annotations

import math

from bot.errors import LimitReached
from bot.locale import ntr
from bot.store.database import Transaction, fetch_one
from bot.store.job_model import Daily, Request

DAY_SECONDS = 86_400.0


def check_daily(tx: Transaction, request: Request, now: float, in_all: int) -> None:
    """Raise LimitReached where a server's limits are used up. The transaction keeps what is counted."""
    if request.guild_id is None or request.daily == Daily():
        return
    daily, asked = request.daily, request.recipe.seconds
    since = {
        "guild_id": request.guild_id,
        "user_id": request.user_id,
        "interaction_id": request.interaction_id,
        "since": now - DAY_SECONDS,
    }
    used = fetch_one(tx, _SUM_DAY, since)
    assert used is not None
    left = (used["last"] or 0) + (daily.cooldown_seconds or 0) - now
    if daily.cooldown_seconds is not None and used["last"] is not None and left > 0:
        raise LimitReached(
            "In this server you can ask for clips every {seconds:g} s. Try again in {left} s.",
            seconds=daily.cooldown_seconds,
            left=math.ceil(left),
        )
    if daily.member_seconds is not None and used["mine"] + asked > daily.member_seconds:
        raise LimitReached(
            "In this server each member can ask for {limit:g} s of audio within 24 "
            "hours, and you have asked for {mine:g} s. Try a shorter clip, or come back later.",
            limit=daily.member_seconds,
            mine=used["mine"],
        )
    if daily.server_seconds is not None and used["everybody"] + asked > daily.server_seconds:
        raise LimitReached(
            "This server can ask for {limit:g} s of audio within 24 hours, and "
            "{used:g} s are used. Try a shorter clip, or come back later.",
            limit=daily.server_seconds,
            used=used["everybody"],
        )
    places = max(int(in_all * daily.queue_share), 1)
    if daily.queue_share < 1 and used["waiting"] + 1 > places:
        raise LimitReached(
            "This server already has {clips} in the queue, and {places} is its share. Try again "
            "in a few minutes.",
            clips=ntr("{count} clip", "{count} clips", used["waiting"]),
            places=places,
        )


_SUM_DAY = """
SELECT coalesce(sum(json_extract(recipe, '$.seconds')) FILTER (WHERE user_id = :user_id), 0) AS mine,
       coalesce(sum(json_extract(recipe, '$.seconds')), 0) AS everybody,
       max(created_at) FILTER (WHERE user_id = :user_id AND interaction_id IS NOT :interaction_id) AS last,
       count(*) FILTER (WHERE state IN ('queued', 'running')) AS waiting
FROM jobs
WHERE guild_id = :guild_id AND created_at > :since AND state NOT IN ('failed', 'cancelled') AND opened = 0
"""
