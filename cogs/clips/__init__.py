"""Clips: the commands, buttons and cards about them."""
