"""Runs engines, one batch at a time, in a process of its own."""
