"""The leaderboard and the vote export: stored votes fitted and drawn outside the bot process."""
