"""The form behind "Why?": a voter's optional reasons and scores."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from bot.arena.votes import Feedback
from bot.locale import mark, tr
from bot.text import sanitize
from cogs.ui.answers import think
from cogs.ui.forms import Answers, Field, Form, SelectField

REASONS = {
    "rhythm": mark("Rhythm"),
    "melody": mark("Melody"),
    "atmosphere": mark("Atmosphere"),
    "sound_quality": mark("Sound quality"),
    "fits_the_prompt": mark("Fits the prompt"),
    "artefacts": mark("Artefacts"),
}
LINE_CHARACTERS = 300


class FeedbackForm(Form):
    """Reasons for a vote; all fields are optional. number: the duel's id."""

    prefix = "duel:why"

    async def offer(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open it."""
        reasons = SelectField(
            id="reasons",
            label="What decided it",
            placeholder="What decided it",
            options=REASONS,
            max_values=len(REASONS),
        )
        line = Field(id="line", label="In your words", max_length=LINE_CHARACTERS)
        scores = [
            SelectField(
                id=f"score_{side}",
                label=tr("{side}, from 0 to 10", side=side.upper()),
                placeholder="0 is unusable, 10 is perfect",
                options={str(score): str(score) for score in range(11)},
            )
            for side in "ab"
        ]
        await self.open(interaction, "Why?", [reasons, line, *scores])

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Record the reasons. Raises UserError where the member has no vote in the duel."""
        await think(interaction, private=True)
        chosen = typed.chosen
        feedback = Feedback(
            tuple(reason for reason in REASONS if reason in chosen["reasons"]),
            sanitize(typed["line"]),
            _score(chosen["score_a"]),
            _score(chosen["score_b"]),
        )
        await interaction.client.votes.give_feedback(self.number, interaction.user.id, feedback)
        await interaction.followup.send(tr("Noted, thank you."), ephemeral=True)


def _score(chosen: tuple[str, ...]) -> int | None:
    return int(chosen[0]) if chosen else None
