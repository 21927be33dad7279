-- An order of the queue that a raid of new accounts does not stop, and in which short clips come first within a bound.

-- 1 where the member had no claimed job from an hour or longer before the request (bot/store/newcomers.py).
ALTER TABLE jobs ADD COLUMN newcomer INTEGER NOT NULL DEFAULT 0 CHECK (newcomer IN (0, 1));
CREATE INDEX jobs_claims_of_newcomers ON jobs (guild_id, claimed_at) WHERE newcomer = 1 AND claimed_at IS NOT NULL;

-- Members take turns, in flows: a member's jobs are one flow, and the jobs of all newcomers of a server together are one, in
-- which they take turns again. A hundred accounts that come at once so get one member's turn, and everybody else waits as
-- on any day. Requests outside servers count as one server's.
--
-- Each flow's first waiting job comes before any flow's second. Within a round the lowest rank is first: the time at which
-- the flow was last served, and 3 s for each second of audio of its first job. So who was served longest ago comes first,
-- and of those served at about the same time who asked for less. A flow that was not served within the hour before its
-- first job counts as served then, or long clips of members who come once a day would always precede short ones of others.
-- Nobody starves: a waiting first job's rank does not change, and each claim of another flow raises that one's to at least
-- the time of the claim, so none overtakes it more than once after 3 s for each of its own seconds.
--
-- The order is computed, not stored, so it needs no upkeep when jobs are cancelled.
DROP VIEW queue;
CREATE VIEW queue AS
WITH waiting AS (
    SELECT
        id, user_id, mode, recipe, guild_id, newcomer, created_at, json_extract(recipe, '$.seconds') AS seconds,
        CASE newcomer WHEN 1 THEN coalesce(guild_id, 0) ELSE user_id END AS flow,
        coalesce((SELECT max(claimed_at) FROM jobs AS served WHERE served.user_id = jobs.user_id), 0) AS member_served_at
    FROM jobs
    WHERE state = 'queued'
), of_members AS (
    SELECT
        *,
        row_number() OVER member AS member_round,
        first_value(max(member_served_at, created_at - 3600) + 3 * seconds) OVER member AS member_rank,
        first_value(id) OVER member AS member_first
    FROM waiting
    WINDOW member AS (PARTITION BY newcomer, flow, user_id ORDER BY id)
), of_flows AS (
    SELECT
        *,
        row_number() OVER in_flow AS round,
        first_value(
            max(
                CASE newcomer
                    WHEN 1 THEN coalesce((SELECT max(claimed_at) FROM jobs AS served WHERE served.newcomer = 1
                                          AND served.guild_id IS of_members.guild_id AND claimed_at IS NOT NULL), 0)
                    ELSE member_served_at
                END,
                created_at - 3600
            ) + 3 * seconds
        ) OVER in_flow AS rank,
        first_value(id) OVER in_flow AS first_id
    FROM of_members
    WINDOW in_flow AS (PARTITION BY newcomer, flow ORDER BY member_round, member_rank, member_first)
)
SELECT id, user_id, mode, recipe, row_number() OVER (ORDER BY round, rank, first_id) AS queue_position
FROM of_flows;
