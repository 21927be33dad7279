"""Antiphon: everything that is not Discord's user interface."""
