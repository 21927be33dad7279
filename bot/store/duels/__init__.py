"""Duels with their sides, and the votes on them."""
