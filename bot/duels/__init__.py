"""Blind duels: two clips made alike, shown without names, voted on, and counted."""
