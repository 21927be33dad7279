"""Persistent modals: the id of their object is in the custom_id, and a listener handles submissions."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import discord

from bot.app import Antiphon
from bot.errors import NotAllowed, UserError
from bot.locale import tr
from cogs.ui.answers import answer_error
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.gate import check
from cogs.ui.text import joined_lines, quoted

TYPED_SHOWN = 1200
MAX_REFUSED = 500
"""Submissions with a mistake that are kept to be opened again; the oldest are forgotten."""
HINT_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A line or a paragraph to fill in. label: ≤ 45 characters, hint: ≤ 100. Both are translated here."""

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
            text=tr(self.label),
            description=tr(self.hint) if self.hint else None,
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
            placeholder=tr(self.placeholder) or None,
            min_values=0,
            max_values=self.max_values,
            required=False,
            options=[
                discord.SelectOption(label=tr(label), value=value) for value, label in self.options.items()
            ],
        )
        return discord.ui.Label(text=tr(self.label), component=select)


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
    """A modal about one numbered object. Subclasses set `prefix` and handle submissions.

    reopens: whether a submission with a mistake in it is offered again by `reopen`, filled in.
    """

    prefix: ClassVar[str]
    reopens: ClassVar[bool] = False

    def __init__(self, number: int) -> None:
        self.number = number

    async def open(
        self, interaction: discord.Interaction[Antiphon], title: str, fields: Sequence[Field | SelectField]
    ) -> None:
        """Show it as the first answer to an interaction. title: ≤ 45 characters."""
        modal = discord.ui.Modal(title=tr(title), custom_id=f"{self.prefix}:{self.number}")
        for field in fields:
            modal.add_item(field.shown())
        # Submissions reach the listener through the custom_id; discord.py has nothing to remember.
        modal.stop()
        await interaction.response.send_modal(modal)

    async def reopen(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Show it as the first answer to an interaction, filled in with what was typed before."""
        raise NotImplementedError

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Act on a submission; it has every field's id."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _Refused:
    """A submission with a mistake in it. In memory: after a restart, its member copies the words."""

    user_id: int
    form: Form
    typed: Mapping[str, str]


_refused: OrderedDict[int, _Refused] = OrderedDict()


class FixButton(IdButton, prefix="form:fix"):
    """Opens a form again, filled in."""

    label = "Fix it"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open it for the member who filled it in."""
        refused = _refused.get(self.number)
        if refused is None or refused.user_id != interaction.user.id:
            raise UserError("I no longer have that form. Open it again; what you wrote is shown above.")
        await refused.form.reopen(interaction, refused.typed)


def _fix_button(user_id: int, form: Form, typed: Mapping[str, str]) -> FixButton:
    """Remember a submission, and return the button that opens it again."""
    # Drawn at random: a button from before a restart finds nothing, instead of somebody else's words.
    number = secrets.randbelow(2**48)
    _refused[number] = _Refused(user_id, form, dict(typed))
    while len(_refused) > MAX_REFUSED:
        _refused.popitem(last=False)
    return FixButton(number)


async def handle_submission(interaction: discord.Interaction[Antiphon], forms: Iterable[type[Form]]) -> None:
    """Pass a submitted modal to its form; every error is answered, a UserError with the typed text."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return
    data = cast("dict[str, Any]", interaction.data)
    for form in forms:
        match = re.fullmatch(rf"{form.prefix}:(\d+)", data["custom_id"])
        if match is None:
            continue
        typed, opened = Answers(data["components"]), form(int(match[1]))
        try:
            check(interaction)
            await opened.submitted(interaction, typed)
        except NotAllowed as error:
            await answer_error(interaction, error, f"form {form.prefix}")
        except UserError as error:
            lines = [
                f"> {quoted(line, TYPED_SHOWN)}" for text in typed.values() for line in text.splitlines()
            ]
            kept = joined_lines(lines, TYPED_SHOWN) if lines else ""
            again = UserError("{problem}\nYou wrote:\n{typed}", problem=error, typed=kept) if kept else error
            view = in_rows(_fix_button(interaction.user.id, opened, typed)) if form.reopens else None
            await answer_error(interaction, again, f"form {form.prefix}", view)
        except Exception as error:
            await answer_error(interaction, error, f"form {form.prefix}")
