"""Persistent modals: the id of their object is in the custom_id, and a listener handles submissions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import discord

from bot.app import Antiphon
from bot.errors import NotAllowed, UserError
from cogs.ui.answers import answer_error
from cogs.ui.gate import check
from cogs.ui.text import quoted

TYPED_SHOWN = 1200
HINT_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A line or a paragraph to fill in. label: ≤ 45 characters, hint: ≤ 100."""

    id: str
    label: str
    max_length: int
    hint: str | None = None
    value: str = ""
    long: bool = False
    required: bool = False

    def shown(self) -> discord.ui.Label[Any]:
        """Return it as Discord wants it."""
        return discord.ui.Label(
            text=self.label,
            description=self.hint,
            component=discord.ui.TextInput(
                custom_id=self.id,
                style=discord.TextStyle.paragraph if self.long else discord.TextStyle.short,
                default=self.value[: self.max_length] or None,
                required=self.required,
                max_length=self.max_length,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectField:
    """A choice from a list, which may be left out. options: value → label, at most 25."""

    id: str
    label: str
    options: Mapping[str, str]
    placeholder: str = ""
    max_values: int = 1

    def shown(self) -> discord.ui.Label[Any]:
        """Return it as Discord wants it."""
        select: discord.ui.Select[Any] = discord.ui.Select(
            custom_id=self.id,
            placeholder=self.placeholder or None,
            min_values=0,
            max_values=self.max_values,
            required=False,
            options=[discord.SelectOption(label=label, value=value) for value, label in self.options.items()],
        )
        return discord.ui.Label(text=self.label, component=select)


class Answers(dict[str, str]):
    """A submission: the texts by field, and in `chosen` the values of each select."""

    def __init__(self, components: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.chosen: dict[str, tuple[str, ...]] = {}
        self._read(components)

    def _read(self, components: Sequence[Mapping[str, Any]]) -> None:
        for component in components:
            if "component" in component:
                self._read([component["component"]])
            elif "components" in component:
                self._read(component["components"])
            elif "value" in component:
                self[component["custom_id"]] = component["value"] or ""
            elif "values" in component:
                self.chosen[component["custom_id"]] = tuple(component["values"])


class Form:
    """A modal about one numbered object. Subclasses set `prefix` and handle submissions."""

    prefix: ClassVar[str]

    def __init__(self, number: int) -> None:
        self.number = number

    async def open(
        self, interaction: discord.Interaction[Antiphon], title: str, fields: Sequence[Field | SelectField]
    ) -> None:
        """Show it as the first answer to an interaction. title: ≤ 45 characters."""
        modal = discord.ui.Modal(title=title, custom_id=f"{self.prefix}:{self.number}")
        for field in fields:
            modal.add_item(field.shown())
        # Submissions reach the listener through the custom_id; discord.py has nothing to remember.
        modal.stop()
        await interaction.response.send_modal(modal)

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Act on a submission; it has every field's id."""
        raise NotImplementedError


async def handle_submission(interaction: discord.Interaction[Antiphon], forms: Sequence[type[Form]]) -> None:
    """Pass a submitted modal to its form; every error is answered, a UserError with the typed text."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return
    data = cast("dict[str, Any]", interaction.data)
    for form in forms:
        match = re.fullmatch(rf"{form.prefix}:(\d+)", data["custom_id"])
        if match is None:
            continue
        typed = Answers(data["components"])
        try:
            check(interaction)
            await form(int(match[1])).submitted(interaction, typed)
        except NotAllowed as error:
            await answer_error(interaction, error, f"form {form.prefix}")
        except UserError as error:
            kept = "\n".join(
                f"> {quoted(text, TYPED_SHOWN // len(typed))}" for text in typed.values() if text
            )
            again = UserError(f"{error}\nWhat you wrote:\n{kept}" if kept else str(error))
            await answer_error(interaction, again, f"form {form.prefix}")
        except Exception as error:
            await answer_error(interaction, error, f"form {form.prefix}")
