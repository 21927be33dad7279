"""/duel: start, rematch, close and list duels; and the submissions of the form "Why?"."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICE_CHARACTERS, MAX_CHOICES
from bot.duels.series import MAX_DUELS, split_prompts
from bot.errors import NotFound, UserError
from bot.locale import mark, tr
from bot.recipe import PROMPT_CHARACTERS, validate_prompt
from bot.store.duels.model import DuelState
from bot.store.duels.series import Series
from bot.text import sanitize
from cogs.duels.automod_probe import blocked_prompts, lets_through
from cogs.duels.buttons import rematch
from cogs.duels.card import moment
from cogs.duels.contenders import contender, suggest_contenders
from cogs.duels.feedback_form import FeedbackForm
from cogs.duels.series_card import NAME_SHOWN, left_out, series_card, series_title
from cogs.submission.submit import acknowledge_request, start_duel, start_series
from cogs.ui.answers import think
from cogs.ui.choices import number_in, numbered_choice
from cogs.ui.commands import command
from cogs.ui.embeds import build_embed
from cogs.ui.gate import check_duel, limits_of
from cogs.ui.permissions import moderates_server
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import quoted

LISTED = 15
Side = app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS]


@app_commands.guild_only()
# Beside guild_only, which discord.py adds to the contexts that the whole tree allows.
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
class Duels(
    PersistentCog, commands.GroupCog, group_name="duel", group_description="Two clips, voted on blind"
):
    """The commands about duels."""

    forms = (FeedbackForm,)

    @app_commands.command(
        description="Make two clips from your words, by two modes or models, and have everyone vote blind"
    )
    @app_commands.describe(
        prompt="What you want to hear, for example: slow piano in the rain",
        seconds="How long both clips are",
        a="One side: a model, a mode or a preset. Nobody sees which side is which",
        b="The other side: a model, a mode or a preset",
    )
    async def start(
        self,
        interaction: discord.Interaction[Antiphon],
        prompt: app_commands.Range[str, 1, PROMPT_CHARACTERS],
        seconds: app_commands.Range[float, 1, 600] | None = None,
        a: app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS] | None = None,
        b: app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS] | None = None,
    ) -> None:
        """Queue both clips."""
        # A mistake is answered at once, privately.
        one, other = await contender(interaction, a), await contender(interaction, b)
        pair = self.bot.duels.recipes(prompt, seconds, limits_of(interaction), one, other)
        check_duel(interaction, pair)
        await acknowledge_request(interaction, clips=2)
        await start_duel(interaction, validate_prompt(prompt), pair)

    @start.autocomplete("a")
    @start.autocomplete("b")
    async def _contenders(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        return await suggest_contenders(interaction, current)

    @app_commands.command(description="Start a duel on the prompt of an old one again, with new seeds")
    @app_commands.describe(duel="Which one: its number, or some of its words")
    async def rematch(self, interaction: discord.Interaction[Antiphon], duel: str) -> None:
        """Start a duel with the prompt and length of a closed one."""
        number = _number(duel)
        await acknowledge_request(interaction, clips=2)
        await rematch(interaction, number)

    @rematch.autocomplete("duel")
    async def _over(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        found = await self.bot.duels.finished_in(interaction.guild_id or 0, sanitize(current), MAX_CHOICES)
        return [numbered_choice(duel.id, duel.prompt) for duel in found]

    @app_commands.command(description="End one of your duels now")
    @app_commands.describe(duel="Which one: its number, or some of its words")
    async def close(self, interaction: discord.Interaction[Antiphon], duel: str) -> None:
        """Close an open duel, or take back one that is not open yet, for its requester or a moderator."""
        number = _number(duel)
        await think(interaction, private=True)
        found = await self.bot.duels.get(number, interaction.guild_id or 0)
        if found.user_id != interaction.user.id and not moderates_server(interaction):
            raise UserError(
                "Only the person who started the duel, or a moderator of this server, can end it."
            )
        if not await self.bot.duels.withdraw(found):
            raise NotFound("Duel {number} is already over.", number=found.id)
        await interaction.followup.send(tr("Duel {number} is over.", number=found.id), ephemeral=True)

    @close.autocomplete("duel")
    async def _closable(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        unfinished = await self.bot.duels.unfinished_in(interaction.guild_id or 0)
        moderator, typed = moderates_server(interaction), current.strip().casefold()
        choices = [
            numbered_choice(duel.id, _STATES[duel.state], duel.prompt)
            for duel in unfinished
            if moderator or duel.user_id == interaction.user.id
        ]
        return [choice for choice in choices if typed in choice.name.casefold()][:MAX_CHOICES]

    @app_commands.command(
        description="Have models, modes or presets meet in one duel after another, to find the best"
    )
    @app_commands.describe(
        prompts="What you want to hear: several prompts one a line, or with ; between them",
        a="A model, a mode or a preset",
        b="Another one",
        duels="How many duels (default: 10)",
        seconds="How long every clip is",
        c="A third one",
        d="A fourth one",
        e="A fifth one",
        f="A sixth one",
    )
    async def series(
        self,
        interaction: discord.Interaction[Antiphon],
        prompts: app_commands.Range[str, 1, PROMPT_CHARACTERS],
        a: Side,
        b: Side,
        c: Side | None = None,
        d: Side | None = None,
        e: Side | None = None,
        f: Side | None = None,
        duels: app_commands.Range[int, 2, MAX_DUELS] = 10,
        seconds: app_commands.Range[float, 1, 600] | None = None,
    ) -> None:
        """Start a series."""
        given = [await contender(interaction, text) for text in (a, b, c, d, e, f)]
        contenders = [one for one in given if one is not None]
        typed = split_prompts(prompts)
        recipes = self.bot.series.recipes(contenders, typed, seconds, limits_of(interaction))
        check_duel(interaction, [recipe for row in recipes for recipe in row])
        await self.bot.series.check_free(interaction.user.id, interaction.guild_id or 0)
        await acknowledge_request(interaction, clips=2)
        skipped = await blocked_prompts(interaction, typed)
        names = [one.name for one in contenders]
        series = await start_series(interaction, names, typed, recipes, duels, skipped)
        for names_shown in (series.names, ()):  # AutoMod may refuse the name of a preset
            if await lets_through(interaction, self._begun(series, names_shown)):
                return

    def _begun(self, series: Series, names: Sequence[str]) -> str:
        """Return the answer to /duel series."""
        text = tr(
            "**{title}** of {duels} duels: {who}.\n"
            "Each duel appears here when the one before it is over. {standings} shows how it goes, "
            "{stop} ends it.",
            title=series_title(series.id),
            duels=series.duels,
            who=", ".join(quoted(name, NAME_SHOWN) for name in names) or "…",
            standings=command(self.bot, "duel standings"),
            stop=command(self.bot, "duel stop"),
        )
        return "\n".join([text, *left_out(series)])

    @series.autocomplete("a")
    @series.autocomplete("b")
    @series.autocomplete("c")
    @series.autocomplete("d")
    @series.autocomplete("e")
    @series.autocomplete("f")
    async def _contestants(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        return await suggest_contenders(interaction, current)

    @app_commands.command(description="How a series of duels stands")
    @app_commands.describe(series="Which one: its number (default: the newest)")
    async def standings(self, interaction: discord.Interaction[Antiphon], series: str | None = None) -> None:
        """Show a series' standings by its closed duels."""
        await think(interaction, private=True)
        found = await self._series(interaction, series)
        card = series_card(found, await self.bot.series.standings(found))
        await interaction.followup.send(embed=card, ephemeral=True)

    @app_commands.command(description="End a series of duels now")
    @app_commands.describe(series="Which one: its number (default: the newest)")
    async def stop(self, interaction: discord.Interaction[Antiphon], series: str | None = None) -> None:
        """End a series, for the person who started it or a moderator."""
        await think(interaction, private=True)
        found = await self._series(interaction, series)
        if found.user_id != interaction.user.id and not moderates_server(interaction):
            raise UserError(
                "Only the person who started the series, or a moderator of this server, can end it."
            )
        if not await self.bot.series.stop(found, mark("It was stopped with /duel stop.")):
            raise NotFound("Series {number} is already over.", number=found.id)
        await interaction.followup.send(
            tr("Series {number} is over. Its result appears in its channel.", number=found.id), ephemeral=True
        )

    @standings.autocomplete("series")
    @stop.autocomplete("series")
    async def _all_series(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        newest = await self.bot.series.store.newest_in(interaction.guild_id or 0, MAX_CHOICES)
        choices = [numbered_choice(one.id, one.state, ", ".join(one.names)) for one in newest]
        return [choice for choice in choices if current.strip().casefold() in choice.name.casefold()]

    async def _series(self, interaction: discord.Interaction[Antiphon], text: str | None) -> Series:
        """Return the named series, else the server's newest. Raises UserError where there is none."""
        store, guild_id = self.bot.series.store, interaction.guild_id or 0
        if text is not None:
            if (number := number_in(text)) is None:
                raise UserError("I can't find that series. Type its number, or pick one from the list.")
            return await store.get(number, guild_id)
        newest = await store.newest_in(guild_id, 1)
        if not newest:
            raise NotFound(
                "This server has no series yet. {command} starts one.",
                command=command(self.bot, "duel series"),
            )
        return newest[0]

    @app_commands.command(description="The duels that take votes now")
    async def list(self, interaction: discord.Interaction[Antiphon]) -> None:
        """List the open duels by closing time."""
        await think(interaction, private=True)
        found = await self.bot.duels.open_in(interaction.guild_id or 0)
        lines = [
            tr(
                "[Duel {number}]({link}) {prompt} · closes {when}",
                number=duel.id,
                link=duel.link,
                prompt=quoted(duel.prompt, 80),
                when=discord.utils.format_dt(moment(duel.in_discord_time(duel.closes_at or 0)), "R"),
            )
            for duel in found[:LISTED]
        ]
        if len(found) > LISTED:
            lines.append(tr("and {count} more", count=len(found) - LISTED))
        text = lines or tr("No duel is open. {command} starts one.", command=command(self.bot, "duel start"))
        await interaction.followup.send(embed=build_embed(description=text), ephemeral=True)


_STATES = {DuelState.RENDERING: "being made", DuelState.READY: "being posted", DuelState.OPEN: "takes votes"}


def _number(text: str) -> int:
    number = number_in(text)
    if number is None:
        raise UserError("I can't find that duel. Type its number, or pick one from the list.")
    return number


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Duels(bot))
