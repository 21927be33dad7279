"""Moderation of a server: reported clips, bans from the bot, the audit log, and the queue."""
