"""The console of the bot's owner, and the check of a channel's permissions."""
