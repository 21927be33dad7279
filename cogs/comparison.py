"""/compare: the installed models measured on this machine, in the background of the queue.

All state is in the database, so a comparison goes on after a restart. Its message is edited from the progress
into the result, so repeating an edit after a kill changes nothing.
"""

from __future__ import annotations

import io
import logging
from functools import partial

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.comparison.plan import Planned, Purpose, plan
from bot.comparison.results import LENGTHS
from bot.comparison.service import Report
from bot.errors import ConfigError, NotFound, RenderError, UserError
from bot.jobs.service import Advanced, Moved
from bot.locale import mark, speaking, tr
from bot.policy.acts import Act
from bot.recipe import PROMPT_CHARACTERS, validate_prompt
from bot.recipe.build import longest_seconds
from bot.recipe.options import STEPS
from bot.store.comparisons import ComparisonState, NewComparison, StoredComparison
from cogs.delivery.backoff import with_backoff
from cogs.delivery.post_once import unarchive
from cogs.delivery.refusals import TOKEN_REVOKED, Refused, Remedy, refusals
from cogs.delivery.respondable import Draft
from cogs.delivery.stored_loop import StoredLoop
from cogs.submission.later import later_requests
from cogs.submission.submit import can_post, max_bytes, why_not_post
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.embeds import build_embed
from cogs.ui.gate import check, check_recipe, limits_of
from cogs.ui.language import server_language
from cogs.ui.permissions import moderates_channel
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import bar, quoted

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 3.0
MAX_SEEDS = 5
PROMPT_SHOWN = 300
TITLE = mark("Comparison")


class CancelComparisonButton(IdButton, prefix="compare:cancel"):
    """Ends a comparison; what is measured until then is shown."""

    label = "Cancel"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """End it for the member who started it, or a moderator."""
        await defer_update(interaction)
        comparisons = interaction.client.comparisons
        found = await comparisons.store.get(self.number)
        if found.user_id != interaction.user.id and not moderates_channel(interaction):
            raise UserError("Only the person who started the comparison, or a moderator, can cancel it.")
        if not await comparisons.end(found.id, mark("It was cancelled.")):
            raise NotFound("This comparison is already over.")


class ComparisonCog(PersistentCog):
    """The command, and the next steps of the comparisons that it began."""

    items = (CancelComparisonButton,)

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        self._loop = StoredLoop("comparison", bot.comparisons.store.going, self._step, LOOK_AGAIN_SECONDS)
        self._shown: dict[int, str] = {}

    async def cog_load(self) -> None:
        """Start the loop, which also resumes the comparisons of an earlier run."""
        await super().cog_load()
        self.bot.jobs.subscribe(self._moved)
        self._loop.start(self.bot.wait_until_ready)

    async def cog_unload(self) -> None:
        """End the loop; the next start resumes from the database."""
        await super().cog_unload()
        await self._loop.close()

    @app_commands.command(
        description="Measure the installed models: time, memory, sound, and how they follow"
    )
    @app_commands.describe(
        prompt="What the clips are made from; scenes and instruments tell most",
        seeds=f"Clips at each length, 1 to {MAX_SEEDS}. More take longer and say more",
        sweep="Also measure from how many steps on more of them stop helping",
    )
    @app_commands.guild_only()
    # Beside guild_only, which discord.py adds to the contexts that the whole tree allows.
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.default_permissions(manage_guild=True)
    async def compare(
        self,
        interaction: discord.Interaction[Antiphon],
        prompt: app_commands.Range[str, 1, PROMPT_CHARACTERS],
        seeds: app_commands.Range[int, 1, MAX_SEEDS] = 3,
        sweep: bool = True,
    ) -> None:
        """Store the plan; the loop queues its clips one after another."""
        bot = interaction.client
        if interaction.guild_id is None or not can_post(interaction):
            raise UserError(why_not_post(interaction))
        prompt = validate_prompt(prompt)
        planned = self._plan(interaction, prompt, seeds, sweep=sweep)
        check(interaction, Act.ASK)
        await bot.comparisons.store.check_none_runs(interaction.guild_id)
        await think(interaction)
        message = await interaction.edit_original_response(content=tr("Getting the comparison ready."))
        comparison = await bot.comparisons.start(
            NewComparison(
                prompt=prompt,
                seeds=seeds,
                plan=tuple(one.to_dict() for one in planned),
                user_id=interaction.user.id,
                guild_id=interaction.guild_id,
                channel_id=interaction.channel_id or 0,
                application_id=interaction.application_id,
                max_bytes=max_bytes(interaction),
                message_id=message.id,
            )
        )
        log.info("comparison %d of %d clips begins", comparison.id, len(planned))
        self._loop.wake()

    def _plan(
        self, interaction: discord.Interaction[Antiphon], prompt: str, seeds: int, *, sweep: bool
    ) -> list[Planned]:
        """Return the clips of every installed model, within the server's limits. Raises UserError."""
        limits = limits_of(interaction)
        planned: list[Planned] = []
        for engine in self.bot.models.values():
            longest = longest_seconds(engine, limits)
            lengths = [one for one in LENGTHS if engine.min_seconds <= one <= longest] or [longest]
            planned += plan(prompt, engine, limits, lengths, seeds, sweep=sweep)
        if not planned:
            raise UserError("No model is installed, so there is nothing to compare.")
        for one in planned:
            check_recipe(interaction, one.recipe)
        return planned

    def _moved(self, event: Moved | Advanced) -> None:
        if isinstance(event, Moved):
            self._loop.wake()

    async def _step(self, comparison: StoredComparison) -> None:
        service = self.bot.comparisons
        # Read anew: a task that has ended since the loop looked may have taken this step.
        comparison = await service.store.get(comparison.id)
        with speaking(server_language(self.bot, comparison.guild_id)):
            try:
                if comparison.state is ComparisonState.RUNNING:
                    await self._show_progress(comparison)
                    if await service.step(comparison, await later_requests(self.bot, comparison, Act.ASK)):
                        self._loop.wake()
                elif comparison.state is ComparisonState.ENDED:
                    await with_backoff(partial(self._show_result, comparison), f"comparison {comparison.id}")
                    await service.store.posted(comparison.id)
            except Refused as refused:
                if refused.remedy is Remedy.REVOKED:
                    self.bot.stop(ConfigError(TOKEN_REVOKED))
                    return
                log.warning("comparison %d cannot be shown: %s", comparison.id, refused)
                await service.end(comparison.id, mark("Its message can't be edited any more."))
                await service.store.posted(comparison.id)

    async def _show_progress(self, comparison: StoredComparison) -> None:
        """Edit the message where there is something new. Raises Refused where it never can be."""
        text = progress_text(comparison)
        if self._shown.get(comparison.id) == text:
            return
        try:
            await self._edit(
                comparison, Draft(content=text, view=in_rows(CancelComparisonButton(comparison.id)))
            )
        except Refused as refused:
            if refused.remedy is not Remedy.RETRY:
                raise
            log.info("progress of comparison %d was not shown: %s", comparison.id, refused)
            return
        self._shown[comparison.id] = text

    async def _show_result(self, comparison: StoredComparison) -> None:
        """Edit the message into the result. Raises Refused."""
        try:
            report = await self.bot.comparisons.report(comparison)
        except RenderError as error:
            await self._edit(
                comparison, Draft(content=tr("The comparison can't be shown. {error}", error=error))
            )
            return
        await self._edit(comparison, result_draft(comparison, report))
        self._shown.pop(comparison.id, None)

    async def _edit(self, comparison: StoredComparison, draft: Draft) -> None:
        channel = self.bot.get_partial_messageable(comparison.channel_id, guild_id=comparison.guild_id)
        message = channel.get_partial_message(comparison.message_id)
        try:
            with refusals():
                await message.edit(**draft.for_edit())
        except Refused as refused:
            if refused.remedy is not Remedy.UNARCHIVE or not await unarchive(self.bot, comparison.channel_id):
                raise
            with refusals():
                await message.edit(**draft.for_edit())


def progress_text(comparison: StoredComparison) -> str:
    """Return the message of a running comparison."""
    done, of = len(comparison.measured), len(comparison.plan)
    lines = [
        tr("Comparing the models with “{prompt}”", prompt=quoted(comparison.prompt, PROMPT_SHOWN)),
        tr("{bar} {done} of {of} clips", bar=bar(done / of), done=done, of=of),
    ]
    if done < of:
        one = Planned.from_dict(comparison.plan[done])
        recipe = one.recipe
        what = {
            Purpose.WARM: tr("the first clip, which doesn't count"),
            Purpose.LENGTHS: tr(
                "{seconds:g} s, seed {seed}", seconds=one.recipe.seconds, seed=one.recipe.seed
            ),
            Purpose.STEPS: tr("{steps} steps", steps=recipe.options.get(STEPS)),
        }[one.purpose]
        lines.append(
            tr(
                "Now `{mode}`: {what}. Other requests in the queue take turns with it.",
                mode=recipe.mode,
                what=what,
            )
        )
    return "\n".join(lines)


def result_draft(comparison: StoredComparison, report: Report | None) -> Draft:
    """Return the message of a comparison that is over. report: None where too little was measured."""
    done, of = len(comparison.measured), len(comparison.plan)
    heading = [f"“{quoted(comparison.prompt, PROMPT_SHOWN)}”"]
    if comparison.why:
        heading.append(
            tr("It ended after {done} of {of} clips. {why}", done=done, of=of, why=tr(comparison.why))
        )
    if report is None:
        heading.append(tr("Nothing was measured until then."))
        return Draft(embed=build_embed(title=tr(TITLE), description=heading), files=list)
    heading.append(tr("The table is in `comparison.md`, every figure in `comparison.json`."))

    def files() -> list[discord.File]:
        return [
            discord.File(
                io.BytesIO(report.picture),
                "comparison.png",
                description=tr(
                    "Time by length, memory, sound and steps of the compared models, as in the table"
                ),
            ),
            discord.File(io.BytesIO(report.markdown.encode()), "comparison.md"),
            discord.File(io.BytesIO(report.json.encode()), "comparison.json"),
        ]

    embed = build_embed(title=tr(TITLE), description=heading, image="attachment://comparison.png")
    return Draft(embed=embed, files=files)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(ComparisonCog(bot))
