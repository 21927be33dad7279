"""/coach: how a prompt could say more, with another wording to render; /hints: the quiet line under clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.coach.recommend import UNDECIDED
from bot.coaching import Coaching
from bot.recipe import PROMPT_CHARACTERS, validate_mode, validate_prompt
from bot.recipe.build import build_recipe, within_lengths
from bot.store.coached import CoachedPrompt
from cogs.submission.submit import acknowledge_request, submit
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.choices import mode_choices
from cogs.ui.embeds import Field, build_embed
from cogs.ui.gate import limits_of
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import EMBED_COLOURS, quoted

WORDING_SHOWN = 1000
REASON_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """What the coach answers with."""

    embed: discord.Embed
    view: discord.ui.View


class UseWordingButton(IdButton, prefix="coach:use"):
    """Renders the other wording of a prompt that was coached."""

    label = "Use this wording"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Queue it for whoever pressed; the answer begins with the wording itself."""
        await acknowledge_request(interaction)
        coach = interaction.client.coach
        coached = await coach.prompt(self.number, interaction.user.id)
        await _render(interaction, coached, coach.advise(coached.prompt, coached.mode).rewritten)


class OtherModeWordingButton(IdButton, prefix="coach:other"):
    """The same prompt in the words that the other mode listens to."""

    label = "Reword for the other mode"
    emoji = "🔀"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it, with a button that renders it."""
        await think(interaction, private=True)
        coaching = await interaction.client.coach.answer_for_other_mode(self.number, interaction.user.id)
        answer = _answer(coaching)
        await interaction.followup.send(embed=answer.embed, view=answer.view, ephemeral=True)


class CoachOfClipButton(IdButton, prefix="coach:clip"):
    """What the coach has to say about a clip's prompt."""

    label = "Coach"
    emoji = "💡"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it to whoever asks alone."""
        await think(interaction, private=True)
        recipe = (await interaction.client.history.clip(self.number)).recipe
        answer = _answer(
            await interaction.client.coach.answer(
                interaction.user.id, recipe.prompt, recipe.mode, recipe.seconds
            )
        )
        await interaction.followup.send(embed=answer.embed, view=answer.view, ephemeral=True)


class SilenceButton(IdButton, prefix="coach:quiet"):
    """Turns the line under one's clips off (0) or on (1)."""

    label = "Stop hints"
    emoji = "🔕"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Remember it."""
        await think(interaction, private=True)
        await interaction.client.coach.set_hints(interaction.user.id, wanted=self.number == 1)
        await interaction.followup.send(_SPOKEN[self.number == 1], ephemeral=True)


BUTTONS = (UseWordingButton, OtherModeWordingButton, CoachOfClipButton, SilenceButton)
_SPOKEN = {
    True: "Hints are on: under your clips I show how a prompt could be clearer.",
    False: "Hints are off: your clips come without them. `/hints show:on` turns them on again.",
}


class Coach(PersistentCog):
    """Advice on request."""

    items = BUTTONS

    @app_commands.command(description="Get suggestions for a prompt before you make a clip of it")
    @app_commands.describe(prompt="What you want to hear", mode="The mode to write for")
    @app_commands.choices(mode=mode_choices())
    async def coach(
        self,
        interaction: discord.Interaction[Antiphon],
        prompt: app_commands.Range[str, 1, PROMPT_CHARACTERS],
        mode: str | None = None,
    ) -> None:
        """Advise."""
        await think(interaction, private=True)
        words = validate_prompt(prompt)
        chosen = validate_mode(mode) if mode else self.bot.coach.mode_for(words)
        answer = _answer(await self.bot.coach.answer(interaction.user.id, words, chosen, None))
        await interaction.followup.send(embed=answer.embed, view=answer.view, ephemeral=True)

    @app_commands.command(description="Turn the hints under your clips on or off")
    @app_commands.describe(show="Whether your clips come with hints")
    async def hints(self, interaction: discord.Interaction[Antiphon], show: Literal["on", "off"]) -> None:
        """Remember whether to hint."""
        await think(interaction, private=True)
        await self.bot.coach.set_hints(interaction.user.id, wanted=show == "on")
        await interaction.followup.send(_SPOKEN[show == "on"], ephemeral=True)


def _answer(coaching: Coaching) -> Answer:
    """Render an answer of the coach, with buttons that refer to its stored prompt."""
    coached, advice, suited = coaching.prompt, coaching.advice, coaching.suited
    fields = [
        Field(one.title, f"{quoted(one.suggestion, 500)}\n-# {quoted(one.reason, 400)}", inline=False)
        for one in advice.findings
    ] or [Field("Nothing to add", "Your prompt says what the model needs.", inline=False)]
    if advice.rewords:
        fields.append(Field("Another wording", quoted(advice.rewritten, WORDING_SHOWN), inline=False))
    if suited is not None:
        sure = suited.mode.value if suited.confidence >= UNDECIDED else "either"
        fields.append(Field(f"Mode that suits it: {sure}", quoted(suited.reason, REASON_SHOWN), inline=False))
    embed = build_embed(
        title=f"Suggestions for your prompt in mode {coached.mode}",
        description=f"> {quoted(coached.prompt, WORDING_SHOWN)}",
        colour=EMBED_COLOURS[coached.mode],
        fields=fields,
    )
    use = UseWordingButton(coached.id, None if advice.rewords else "Make this clip")
    return Answer(embed, in_rows(use, OtherModeWordingButton(coached.id), SilenceButton(0)))


async def _render(interaction: discord.Interaction[Antiphon], coached: CoachedPrompt, prompt: str) -> None:
    bot = interaction.client
    engine = bot.jobs.engine(coached.mode)
    seconds = coached.seconds
    if seconds is not None:
        seconds = within_lengths(seconds, engine, limits_of(interaction))
    await submit(interaction, build_recipe(engine, limits_of(interaction), prompt=prompt, seconds=seconds))


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Coach(bot))
