"""Weights from files that anybody may have written: read as data alone, or refused by name."""
