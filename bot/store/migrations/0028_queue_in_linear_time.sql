-- The same order of the queue as before, in time that grows with the queue and not with its square, nor with what its
-- members had in all the years before: a member's last claim is found in the index jobs_claims, a job's place among those
-- of its server by a window instead of a join.

-- Members take turns, in flows: a member's jobs are one flow, and the jobs of all newcomers of a server together are one, in
-- which they take turns again. A hundred accounts that come at once so get one member's turn, and everybody else waits as
-- on any day. Requests outside servers count as one server's.
--
-- Each flow's first waiting job comes before any flow's second. Within a round the lowest rank is first, the sum of
--   * the time at which the flow was last served. A flow that was not served within the hour before its first job counts as
--     served then, or long clips of members who come once a day would always precede short ones of others;
--   * 3 s for each second of audio of its first job, so of those served at about the same time who asked for less is first;
--   * up to an hour for what the members of the job's server had of the hour before the last claim: 3,600 s times their share of
--     all servers' seconds of audio. So a server of few is not starved by one of many, and somebody who was served lately
--     in a small server still comes behind those in a large one who were not. For newcomers the largest
--     share counts, or a raid of a small server would come before everybody else.
-- Nobody starves: each claim of another flow raises that one's rank to at least the time of the claim, so none overtakes a
-- waiting first job more than once after 3 s for each of its seconds and an hour.
--
-- Last, the members whom a server prefers change places with others of their server, in the same round and with those who
-- have waited for up to half an hour longer. The places that a server's jobs have together stay the same, so its settings
-- delay nobody elsewhere.
--
-- The order is computed, not stored, so it needs no upkeep when jobs are cancelled.
DROP VIEW queue;
CREATE VIEW queue AS
WITH had AS (
    SELECT coalesce(guild_id, 0) AS server, sum(json_extract(recipe, '$.seconds')) AS audio
    FROM jobs
    WHERE newcomer = 0
      AND claimed_at > (SELECT max(claimed_at) FROM jobs WHERE newcomer = 0 AND claimed_at IS NOT NULL) - 3600
    GROUP BY server
), waiting AS (
    SELECT
        id, user_id, mode, recipe, guild_id, newcomer, priority, created_at,
        json_extract(recipe, '$.seconds') AS seconds,
        coalesce(guild_id, 0) AS server,
        CASE newcomer WHEN 1 THEN coalesce(guild_id, 0) ELSE user_id END AS flow,
        coalesce((SELECT max(claimed_at) FROM jobs AS served
                  WHERE served.user_id = jobs.user_id AND claimed_at IS NOT NULL), 0) AS member_served_at
    FROM jobs
    WHERE state = 'queued'
), of_members AS (
    SELECT
        *,
        row_number() OVER member AS member_round,
        first_value(max(member_served_at, created_at - 3600) + 3 * seconds) OVER member AS member_rank,
        first_value(id) OVER member AS member_first
    FROM waiting
    WINDOW member AS (
        PARTITION BY newcomer, flow, user_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
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
            + 3600.0 * coalesce((SELECT max(audio) FROM had WHERE newcomer OR had.server = of_members.server), 0)
                     / coalesce((SELECT max(sum(audio), 1) FROM had), 1)
        ) OVER in_flow AS rank,
        first_value(id) OVER in_flow AS first_id
    FROM of_members
    WINDOW in_flow AS (
        PARTITION BY newcomer, flow ORDER BY member_round, member_rank, member_first
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
), places AS (
    SELECT
        *,
        row_number() OVER (ORDER BY round, rank, first_id) AS place,
        row_number() OVER (PARTITION BY server ORDER BY round, rank, first_id) AS own_place,
        row_number() OVER (PARTITION BY server ORDER BY round, rank - 1800 * priority, first_id) AS preferred_place
    FROM of_flows
)
SELECT
    id, user_id, mode, recipe,
    nth_value(place, preferred_place) OVER (
        PARTITION BY server ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS queue_position
FROM places;
