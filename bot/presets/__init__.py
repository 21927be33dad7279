"""Presets without Discord or a database: how they become recipes, and the file they travel in."""
