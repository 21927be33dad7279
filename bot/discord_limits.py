"""Limits of Discord that code outside of the cogs has to know.

Source: Discord's documentation, "Application Command Structure", "Application Command Option Choice
Structure" and "Autocomplete".
"""

from __future__ import annotations

MAX_COMMAND_OPTIONS = 25
"""Options of a command."""
MAX_CHOICES = 25
"""Choices that autocomplete offers at once."""
MAX_CHOICE_CHARACTERS = 100
"""Characters of a choice's name, and of its value."""
