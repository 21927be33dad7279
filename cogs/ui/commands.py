"""Commands as Discord shows them inside a text: a press on one puts it into the message box."""

from __future__ import annotations

from bot.app import Antiphon


def command(bot: Antiphon, name: str) -> str:
    """Return a command's mention, “</preset browse:12>”, or its name in back-ticks until its id is known.

    name: with its sub-command, without the slash. Source: Discord's reference, “Message formatting”.
    """
    number = bot.command_ids.get(name.partition(" ")[0])
    return f"`/{name}`" if number is None else f"</{name}:{number}>"
