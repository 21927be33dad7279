"""What a duel looks like: while it is open, after it is closed, its buttons, and the "Why?" modal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import discord

from bot.app import Antiphon
from bot.arena.text import NAMES, count
from bot.arena.votes import Choice, ExcludedReason, Feedback
from bot.errors import NotFound, UserError
from bot.hub.naming import model_name
from bot.store.clips import Clip
from bot.store.duels.model import Duel, DuelSide, Side
from bot.store.duels.votes import Tally
from bot.text import sanitize
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.embeds import Field, build_embed
from cogs.ui.permissions import moderates_channel
from cogs.ui.text import quoted

PROMPT_SHOWN = 1_000
COLOUR = 0x9AA0A6
"""Neither mode's."""

NOT_COUNTED = {
    ExcludedReason.TOO_QUICK: "it came before much of both clips can have been heard",
    ExcludedReason.ACCOUNT_TOO_YOUNG: "your Discord account is too young",
    ExcludedReason.TOO_MANY_TODAY: "you have cast very many votes today",
}


class VoteButton(IdButton):
    """One tap is a vote."""

    choice: ClassVar[Choice]
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Store it, and tell the voter alone."""
        await think(interaction, private=True)
        outcome = await interaction.client.votes.cast(
            self.number,
            interaction.user.id,
            self.choice,
            cast_at=interaction.created_at.timestamp(),
            account_created_at=interaction.user.created_at.timestamp(),
        )
        text = f"Your vote: **{self.label}**. "
        if outcome.excluded_reason is None:
            text += "Thank you! "
        else:
            text += f"It is kept but not counted: {NOT_COUNTED[outcome.excluded_reason]}. "
        text += "What was A and what was B is shown when the duel closes."
        view = discord.utils.MISSING if outcome.closed else in_rows(WhyButton(self.number))
        await interaction.followup.send(text, view=view, ephemeral=True)


class VoteA(VoteButton, prefix="duel:a"):
    """A is better."""

    label, choice = "A", Choice.A


class VoteB(VoteButton, prefix="duel:b"):
    """B is better."""

    label, choice = "B", Choice.B


class VoteBothGood(VoteButton, prefix="duel:good"):
    """Neither is better, and both serve."""

    label, choice = "Both good", Choice.BOTH_GOOD
    style = discord.ButtonStyle.secondary


class VoteBothBad(VoteButton, prefix="duel:bad"):
    """Neither is better, and neither serves."""

    label, choice = "Both bad", Choice.BOTH_BAD
    style = discord.ButtonStyle.secondary


class CloseButton(IdButton, prefix="duel:close"):
    """Ends the voting before its time."""

    label = "Close"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Close it for its requester or a moderator."""
        await think(interaction, private=True)
        duels = interaction.client.duels
        duel = await duels.get(self.number)
        if duel.user_id != interaction.user.id and not moderates_channel(interaction):
            raise UserError("Only the person who asked for a duel, or a moderator, can close it.")
        if await duels.close(duel.id) is None:
            raise NotFound("This duel is closed already.")
        await interaction.followup.send("Closed. The message shows what was what.", ephemeral=True)


class WhyButton(IdButton, prefix="duel:why"):
    """Asks a voter what decided it."""

    label = "Why?"
    emoji = "💬"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the modal, which has to be the first answer; whether they voted is looked at afterwards."""
        modal = why_modal(self.number)
        await interaction.response.send_modal(modal)
        # Its submission is recognised by its custom_id, after a restart too.
        modal.stop()


BUTTONS = (VoteA, VoteB, VoteBothGood, VoteBothBad, CloseButton, WhyButton)

WHY = "duel:why"
REASONS = {
    "rhythm": "Rhythm",
    "melody": "Melody",
    "atmosphere": "Atmosphere",
    "sound_quality": "Sound quality",
    "fits_the_prompt": "Fits the prompt",
    "artefacts": "Artefacts",
}
LINE_CHARACTERS = 300


def duel_buttons(duel_id: int) -> discord.ui.View:
    """Return the buttons under an open duel."""
    return in_rows(
        VoteA(duel_id), VoteB(duel_id), VoteBothGood(duel_id), VoteBothBad(duel_id), CloseButton(duel_id)
    )


def why_modal(duel_id: int) -> discord.ui.Modal:
    """Return the form behind "Why?"; every field may be left out."""
    modal = discord.ui.Modal(title="Why?", custom_id=f"{WHY}:{duel_id}")
    reasons: discord.ui.Select[Any] = discord.ui.Select(
        custom_id="reasons",
        placeholder="What decided it",
        min_values=0,
        max_values=len(REASONS),
        required=False,
        options=[discord.SelectOption(label=name, value=value) for value, name in REASONS.items()],
    )
    line: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id="line", required=False, max_length=LINE_CHARACTERS
    )
    modal.add_item(discord.ui.Label(text="What decided it", component=reasons))
    modal.add_item(discord.ui.Label(text="In your words", component=line))
    for side in "ab":
        scores: discord.ui.Select[Any] = discord.ui.Select(
            custom_id=f"score_{side}",
            placeholder="0 is unusable, 10 is perfect",
            min_values=0,
            max_values=1,
            required=False,
            options=[discord.SelectOption(label=str(score), value=str(score)) for score in range(11)],
        )
        modal.add_item(discord.ui.Label(text=f"{side.upper()}, from 0 to 10", component=scores))
    return modal


def submitted_feedback(interaction: discord.Interaction[Any]) -> tuple[int, Feedback] | None:
    """Return the duel's id and the feedback of a submitted “Why?” form; None for any other interaction."""
    data: Any = interaction.data
    if interaction.type is not discord.InteractionType.modal_submit:
        return None
    prefix, _, number = str(data["custom_id"]).rpartition(":")
    if prefix != WHY or not re.fullmatch("[0-9]{1,18}", number):
        return None
    fields = {part["component"]["custom_id"]: part["component"] for part in data["components"]}

    def score(side: str) -> int | None:
        chosen = fields[f"score_{side}"]["values"]
        return int(chosen[0]) if chosen else None

    reasons = tuple(reason for reason in REASONS if reason in fields["reasons"]["values"])
    return int(number), Feedback(reasons, sanitize(fields["line"]["value"]), score("a"), score("b"))


@dataclass(frozen=True, slots=True)
class DuelCard:
    """What a message needs to show a duel. paths: attachment's name → file."""

    embed: discord.Embed
    paths: Mapping[str, Path]

    def files(self) -> list[discord.File]:
        """Open the attachments, anew at every call: sending uses them up."""
        return [
            discord.File(
                path,
                filename=name,
                description="Waveforms and mel spectrograms of A and B" if name.endswith(".png") else None,
            )
            for name, path in self.paths.items()
        ]


def open_card(duel: Duel, folder: Path, closes_at: datetime) -> DuelCard:
    """Return a duel as it is while people vote: nothing tells the sides apart. Raises NotFound."""
    paths = {
        "a.mp3": folder / duel.file_a,
        "b.mp3": folder / duel.file_b,
        "picture.png": folder / duel.picture,
    }
    if not (duel.file_a and all(path.is_file() for path in paths.values())):
        raise NotFound("The files of this duel are gone.")
    embed = build_embed(
        title=f"Duel {duel.id}: A or B?",
        description=f"{quoted(duel.prompt, PROMPT_SHOWN)}\n\n"
        "Both were made from these words, each in another way. Listen to both, then vote: one tap is your "
        f"vote, and it is final. Closes {discord.utils.format_dt(closes_at, 'R')}.",
        colour=COLOUR,
        image="attachment://picture.png",
    )
    return DuelCard(embed, paths)


def closed_card(
    duel: Duel, sides: Mapping[Side, DuelSide], clips: Mapping[Side, Clip], tally: Tally, folder: Path
) -> DuelCard:
    """Return a duel with everything told. clips: as far as they are still there."""
    paths: dict[str, Path] = {}
    fields: list[Field] = []
    for side, found in sides.items():
        clip = clips.get(side)
        fields.append(Field(f"{side.upper()} was {NAMES[found.mode]}", _made(found, clip)))
        if clip and clip.file and (folder / clip.file).is_file():
            paths[f"{side}-{found.mode}.mp3"] = folder / clip.file
    fields.append(Field("Votes", _votes(sides, tally), inline=False))
    pictured = bool(duel.picture) and (folder / duel.picture).is_file()
    if pictured:
        paths["picture.png"] = folder / duel.picture
    embed = build_embed(
        title=f"Duel {duel.id}: {_outcome(sides, tally)}",
        description=quoted(duel.prompt, PROMPT_SHOWN),
        colour=COLOUR,
        fields=fields,
        footer="/duel rematch lets them meet again with new seeds; /leaderboard adds all duels up.",
        image="attachment://picture.png" if pictured else None,
    )
    return DuelCard(embed, paths)


def moment(seconds: float) -> datetime:
    """Return a Unix time as a date."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def _outcome(sides: Mapping[Side, DuelSide], tally: Tally) -> str:
    a, b = tally.counted.get("a", 0), tally.counted.get("b", 0)
    if not sum(tally.counted.values()):
        return "nobody voted"
    if a == b:
        return "a draw"
    ahead: Side = "a" if a > b else "b"
    return f"{max(a, b)} to {min(a, b)} for {ahead.upper()}, {NAMES[sides[ahead].mode]}"


def _made(side: DuelSide, clip: Clip | None) -> str:
    recipe = side.recipe
    options = {
        "seed": recipe.seed,
        "temperature": recipe.temperature,
        "top-k": recipe.top_k,
        "guidance": recipe.guidance_scale,
        "steps": recipe.num_sampling_steps,
    }
    given = ", ".join(f"{k} {_number(v)}" for k, v in options.items() if v is not None)
    lines = [f"`{model_name(recipe.model)}`", given]
    if clip is not None:
        lines.append(f"{clip.facts['title']}, {clip.facts['licence']}")
        lines.append(f"rendered in {clip.facts['render_seconds']:.1f} s")
    return "\n".join(lines)


def _votes(sides: Mapping[Side, DuelSide], tally: Tally) -> str:
    names = {
        "a": f"A ({NAMES[sides['a'].mode]})",
        "b": f"B ({NAMES[sides['b'].mode]})",
        "both_good": "Both good",
        "both_bad": "Both bad",
    }
    text = " · ".join(f"{name} **{tally.counted.get(choice, 0)}**" for choice, name in names.items())
    if tally.excluded:
        text += f"\n{count(tally.excluded, 'more vote')} stored but not counted"
    return text


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
