"""SQLite: one file per aggregate, its SQL beside its use."""
