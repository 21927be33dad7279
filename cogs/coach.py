"""/coach: what a prompt could say better, another wording to render, and a quiet line under clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.coach.advice import Advice, coach
from bot.coach.recommend import UNDECIDED, recommend_mode
from bot.coach.translate import translate
from bot.errors import InvalidRecipe, UserError
from bot.recipe import PROMPT_CHARACTERS, Mode, validate_mode, validate_prompt
from bot.recipe.build import build_recipe, within_lengths
from bot.store.clips import Clip
from bot.store.coached import Coached
from cogs.submission.submit import acknowledge_request, submit
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.embeds import Field, build_embed
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import EMBED_COLOURS, quoted

TRIVIAL = frozenset({"doubled-spaces", "hyphenated-genre"})
"""Rules whose finding alone is not worth a line under a clip."""
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
    emoji = "🎵"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Queue it for whoever pressed; the answer begins with the wording itself."""
        await acknowledge_request(interaction)
        coached = await interaction.client.coached.get(self.number, interaction.user.id)
        await _render(
            interaction, coached, advise(interaction.client, coached.prompt, coached.mode).rewritten
        )


class OtherModeWordingButton(IdButton, prefix="coach:other"):
    """The same prompt in the words that the other mode listens to."""

    label = "Say it for the other mode"
    emoji = "🔀"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it, with a button that renders it."""
        await think(interaction, private=True)
        coached = await interaction.client.coached.get(self.number, interaction.user.id)
        mode = Mode.DIFFUSION if coached.mode is Mode.AR else Mode.AR
        prompt = translate(coached.prompt, mode)
        if len(prompt) > PROMPT_CHARACTERS:
            raise InvalidRecipe("For the other mode the prompt would grow too long. Shorten it first.")
        answer = await answered(interaction, prompt, mode, coached.seconds)
        await interaction.followup.send(embed=answer.embed, view=answer.view, ephemeral=True)


class CoachOfClipButton(IdButton, prefix="coach:clip"):
    """What the coach has to say about a clip's prompt."""

    label = "Coach"
    emoji = "💡"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it to whoever asks alone."""
        await think(interaction, private=True)
        recipe = (await interaction.client.history.clip(self.number)).recipe
        answer = await answered(interaction, recipe.prompt, recipe.mode, recipe.seconds)
        await interaction.followup.send(embed=answer.embed, view=answer.view, ephemeral=True)


class SilenceButton(IdButton, prefix="coach:quiet"):
    """Turns the line under one's clips off (0) or on (1)."""

    label = "No hints under my clips"
    emoji = "🔕"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Remember it."""
        await think(interaction, private=True)
        await interaction.client.coached.speak(interaction.user.id, self.number == 1)
        await interaction.followup.send(_SPOKEN[self.number == 1], ephemeral=True)


BUTTONS = (UseWordingButton, OtherModeWordingButton, CoachOfClipButton, SilenceButton)
_SPOKEN = {
    True: "Under your clips I say again when your words could do more.",
    False: "I say nothing under your clips any more. `/coach hints:on` brings it back.",
}


class Coach(PersistentCog):
    """Advice on request."""

    items = BUTTONS

    @app_commands.command(description="Ask how a prompt could say more, before you spend a clip on it")
    @app_commands.describe(
        prompt="What you want to hear",
        mode="The mode to write for; left out, the one that suits the words",
        hints="Whether I may hint at it under your clips, too",
    )
    async def coach(
        self,
        interaction: discord.Interaction[Antiphon],
        prompt: app_commands.Range[str, 1, PROMPT_CHARACTERS] | None = None,
        mode: Literal["ar", "diffusion"] | None = None,
        hints: Literal["on", "off"] | None = None,
    ) -> None:
        """Advise, or remember whether to hint."""
        await think(interaction, private=True)
        if hints is not None:
            await self.bot.coached.speak(interaction.user.id, hints == "on")
            await interaction.followup.send(_SPOKEN[hints == "on"], ephemeral=True)
        if prompt is not None:
            words = validate_prompt(prompt)
            suited = recommend_mode(words, default=self.bot.settings.default_mode).mode
            chosen = validate_mode(mode) if mode else suited
            answer = await answered(interaction, words, chosen, None)
            await interaction.followup.send(embed=answer.embed, view=answer.view, ephemeral=True)
        elif hints is None:
            raise UserError("Give me a prompt to look at: `/coach prompt:a beautiful epic song`.")


def advise(bot: Antiphon, prompt: str, mode: Mode) -> Advice:
    """Return the coach's advice for the engine that would render the prompt."""
    engine = bot.capabilities.get(mode)
    if engine is None:
        return coach(prompt, mode, prompt_tokens=None)
    return coach(prompt, mode, prompt_tokens=engine.prompt_tokens, languages=engine.languages)


async def line_under(bot: Antiphon, clip: Clip) -> str | None:
    """Return the quiet line under a clip's card; None where there is nothing worth it, or nobody wants it."""
    findings = [
        one for one in advise(bot, clip.recipe.prompt, clip.recipe.mode).findings if one.rule not in TRIVIAL
    ]
    if not findings or not await bot.coached.speaks_to(clip.user_id):
        return None
    return f"💡 {findings[0].suggestion}"


async def answered(
    interaction: discord.Interaction[Antiphon], prompt: str, mode: Mode, seconds: float | None
) -> Answer:
    """Return advice on a prompt for whoever acts, with buttons that remember it."""
    bot = interaction.client
    advice = advise(bot, prompt, mode)
    suited = recommend_mode(prompt, default=bot.settings.default_mode)
    coached = await bot.coached.remember(
        interaction.user.id, prompt, mode, seconds, interaction.created_at.timestamp()
    )
    fields = [
        Field(one.title, f"{quoted(one.suggestion, 500)}\n-# {quoted(one.reason, 400)}", inline=False)
        for one in advice.findings
    ] or [Field("Nothing to add", "This is how the mode likes to be asked.", inline=False)]
    if advice.rewords:
        fields.append(Field("Another wording", quoted(advice.rewritten, WORDING_SHOWN), inline=False))
    sure = suited.mode.value if suited.confidence >= UNDECIDED else "either"
    fields.append(Field(f"Mode that suits it: {sure}", quoted(suited.reason, REASON_SHOWN), inline=False))
    embed = build_embed(
        title=f"For mode {mode}",
        description=f"> {quoted(prompt, WORDING_SHOWN)}",
        colour=EMBED_COLOURS[mode],
        fields=fields,
    )
    use = UseWordingButton(coached.id, None if advice.rewords else "Make this clip")
    return Answer(embed, in_rows(use, OtherModeWordingButton(coached.id), SilenceButton(0)))


async def _render(interaction: discord.Interaction[Antiphon], coached: Coached, prompt: str) -> None:
    bot = interaction.client
    engine = bot.jobs.engine(coached.mode)
    seconds = coached.seconds
    if seconds is not None:
        seconds = within_lengths(seconds, engine, bot.settings)
    await submit(interaction, build_recipe(engine, bot.settings, prompt=prompt, seconds=seconds))


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Coach(bot))
