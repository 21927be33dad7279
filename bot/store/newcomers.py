"""Who is new to the bot: the newcomers of a server share one turn in the queue (the view `queue`)."""

NEWCOMER_SECONDS = 3600.0
"""How long before a request a clip of the member must have been claimed for turns of their own."""

IS_NEWCOMER = f"""(
    NOT EXISTS (SELECT 1 FROM jobs WHERE user_id = :user_id AND claimed_at <= :now - {NEWCOMER_SECONDS})
    OR EXISTS (SELECT 1 FROM jobs WHERE user_id = :user_id AND state = 'queued' AND newcomer)
)"""
"""Of a request at its time. While an earlier one waits as a newcomer's, so do later ones: order stays."""
