"""The panel of settings: one page at a time, each setting with its value and the control that changes it.

Components V2 (Discord's documentation, "Using Message Components"): texts and controls alternate, which rows
of an ordinary message cannot. At most 40 components a message; the longest page has 19.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot.app import Antiphon
from bot.errors import UserError
from bot.hub.naming import model_name
from bot.locale import tr
from bot.policy.server import ServerSettings
from bot.policy.setting import MAX_SELECTED, SERVER, Panel, Setting, SettingType, Value
from bot.policy.settings import SETTINGS, setting_named
from cogs.ui.answers import defer_update
from cogs.ui.forms import Answers, Field, Form
from cogs.ui.gated_item import GatedItem
from cogs.ui.permissions import manages_server
from cogs.ui.text import quoted

COLOUR = 0x5B8DEF
VALUE_SHOWN = 900
WORDS_CHARACTERS = 4_000
VALUE_CHARACTERS = 40
_PANELS = {panel.name.lower(): panel for panel in Panel}
_FORMS = (SettingType.NUMBER, SettingType.WORDS, SettingType.TEXT)


def managed_guild(interaction: discord.Interaction[Antiphon]) -> int:
    """Return the server whose settings the acting member may change. Raises UserError for others."""
    if interaction.guild_id is not None and manages_server(interaction):
        return interaction.guild_id
    raise UserError(
        "Only members who have Manage Server through a role, or a role named in /settings, can change the "
        "settings. A permission in one channel isn't enough."
    )


class PanelSelect(GatedItem, template=r"settings:page:(?P<channel>[0-9]{1,20})"):
    """Chooses the page."""

    def __init__(self, channel_id: int, shown: Panel | None = None) -> None:
        self.channel_id = channel_id
        options = [
            discord.SelectOption(label=tr(panel.value), value=name, default=panel is shown)
            for name, panel in _PANELS.items()
        ]
        super().__init__(discord.ui.Select(custom_id=f"settings:page:{channel_id}", options=options))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls(int(match["channel"]))

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page."""
        managed_guild(interaction)
        await defer_update(interaction)
        [name] = self.item.values
        await show(interaction, _PANELS[name], self.channel_id)


class SettingControl(GatedItem, template=r"settings:set:(?P<name>[a-z_]+):(?P<channel>[0-9]{1,20})"):
    """Changes one setting: a select with the new values, or a button that toggles it or opens a form."""

    def __init__(self, setting: Setting, channel_id: int, component: discord.ui.Item[Any]) -> None:
        self.setting = setting
        self.channel_id = channel_id
        super().__init__(component)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the control again from a message of any age."""
        return cls(setting_named(match["name"]), int(match["channel"]), item)

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Change the setting, or ask for its value."""
        guild_id, setting = managed_guild(interaction), self.setting
        own_channel = self.channel_id if setting.panel is Panel.CHANNEL else SERVER
        policy = interaction.client.policy
        if setting.type in _FORMS:
            current = policy.server(guild_id).value(setting.name, own_channel)
            await SettingForm(self.channel_id).offer(interaction, setting, current)
            return
        await defer_update(interaction)
        if setting.type is SettingType.SWITCH:
            value: Value = not policy.server(guild_id).is_on(setting.name)
        else:
            value = setting.chosen(self.item.values and [_id(one) for one in self.item.values])
        await policy.set(guild_id, setting, value, interaction.user.id, own_channel)
        await show(interaction, setting.panel, self.channel_id)


class SettingForm(Form):
    """A value to type. Its number is the channel that the panel was opened in."""

    prefix = "settings:form"

    async def offer(self, interaction: discord.Interaction[Antiphon], setting: Setting, value: Value) -> None:
        """Open it with the present value."""
        words = setting.type is SettingType.WORDS
        present = "\n".join(map(str, value)) if isinstance(value, tuple) else value
        if isinstance(present, float):
            present = f"{present:g}"
        hint = tr("One per line. Leave it empty for none.")
        if not words:
            hint = tr("Empty: {unset}.", unset=tr(setting.unset))
        if setting.type is SettingType.NUMBER:
            hint = tr(
                "{low:g} to {high:g} {unit}. {hint}",
                low=setting.low,
                high=setting.high,
                unit=tr(setting.unit),
                hint=hint,
            )
        field = Field(
            id=setting.name,
            label=setting.label,
            hint=hint,
            value=str(present or ""),
            max_length=WORDS_CHARACTERS if words else VALUE_CHARACTERS,
            long=words,
        )
        await self.open(interaction, setting.label, [field])

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Store the value, and show the page again."""
        guild_id = managed_guild(interaction)
        [(name, text)] = typed.items()
        setting = setting_named(name)
        value = setting.parse(text)
        await defer_update(interaction)
        channel_id = self.number if setting.panel is Panel.CHANNEL else SERVER
        await interaction.client.policy.set(guild_id, setting, value, interaction.user.id, channel_id)
        await show(interaction, setting.panel, self.number)


async def show(interaction: discord.Interaction[Antiphon], panel: Panel, channel_id: int) -> None:
    """Edit the answer into a page of the panel."""
    await interaction.edit_original_response(view=page(interaction, panel, channel_id))


def page(interaction: discord.Interaction[Antiphon], panel: Panel, channel_id: int) -> discord.ui.LayoutView:
    """Return a page. channel_id: the channel that the last page is about."""
    bot = interaction.client
    server = bot.policy.server(interaction.guild_id)
    where = f" <#{channel_id}>" if panel is Panel.CHANNEL else ""
    items: list[discord.ui.Item[Any]] = [
        discord.ui.ActionRow(PanelSelect(channel_id, panel)),
        discord.ui.TextDisplay(f"## {tr(panel.value)}{where}"),
    ]
    models = sorted({model_name(bot.models[one].model) for one in bot.models})
    for setting in SETTINGS.values():
        if setting.panel is panel:
            items += _rows(setting, server, channel_id, models)
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.Container(*items, accent_colour=COLOUR))
    view.stop()
    return view


def _rows(
    setting: Setting, server: ServerSettings, channel_id: int, models: Sequence[str]
) -> list[discord.ui.Item[Any]]:
    own_channel = channel_id if setting.panel is Panel.CHANNEL else SERVER
    value = server.value(setting.name, own_channel)
    shown = setting.shown(value)
    if setting.type is SettingType.TEXT:
        shown = quoted(shown, VALUE_SHOWN)
    text = f"**{tr(setting.label)}:** {shown}\n-# {tr(setting.description)}"
    custom_id = f"settings:set:{setting.name}:{channel_id}"
    if setting.type in (*_FORMS, SettingType.SWITCH):
        on = value is True
        label = tr("Change") if setting.type in _FORMS else (tr("Switch off") if on else tr("Switch on"))
        button = SettingControl(setting, channel_id, discord.ui.Button(label=label, custom_id=custom_id))
        return [discord.ui.Section(text, accessory=button)]
    select = _select(setting, value, custom_id, models)
    return [discord.ui.TextDisplay(text), discord.ui.ActionRow(SettingControl(setting, channel_id, select))]


def _select(setting: Setting, value: Value, custom_id: str, models: Sequence[str]) -> discord.ui.Item[Any]:
    given: dict[str, Any] = {
        "custom_id": custom_id,
        "min_values": 0,
        "placeholder": _capitalized(tr(setting.unset)),
    }
    chosen = value if isinstance(value, tuple) else () if value is None else (value,)
    if setting.type is SettingType.ROLES:
        defaults = [discord.SelectDefaultValue.from_role(discord.Object(one)) for one in chosen]
        return discord.ui.RoleSelect(**given, max_values=MAX_SELECTED, default_values=defaults)
    if setting.type in (SettingType.CHANNEL, SettingType.CHANNELS):
        defaults = [discord.SelectDefaultValue.from_channel(discord.Object(one)) for one in chosen]
        types = [discord.ChannelType.text, discord.ChannelType.voice]
        if setting.type is SettingType.CHANNELS:
            types.append(discord.ChannelType.forum)
        most = MAX_SELECTED if setting.type is SettingType.CHANNELS else 1
        return discord.ui.ChannelSelect(
            **given, max_values=most, default_values=defaults, channel_types=types
        )
    choices = dict(setting.choices or {name: name for name in [*models, *map(str, chosen)][:MAX_SELECTED]})
    options = [
        discord.SelectOption(label=tr(label)[:100], value=name[:100], default=name in chosen)
        for name, label in choices.items()
    ]
    most = len(options) if setting.type is SettingType.CHOICES else 1
    return discord.ui.Select(**given, max_values=max(most, 1), options=options)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _id(value: Any) -> int | str:
    """Return the id of a chosen role or channel, or a chosen text."""
    return value if isinstance(value, str) else int(value.id)


ITEMS = (PanelSelect, SettingControl)
