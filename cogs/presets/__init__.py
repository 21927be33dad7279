"""Presets: commands, menus, cards, buttons and forms."""
