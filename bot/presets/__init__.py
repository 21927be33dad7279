"""Presets without Discord or a database: names, recipes from presets, the file format, the starters."""
