"""/settings: a server's settings in a panel, derived from the table in bot/policy/settings.py."""
