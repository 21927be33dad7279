"""Presets: entities, versions, search, votes, reports."""
