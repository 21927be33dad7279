"""Duels, the leaderboard, and the members' control over their votes, in Discord."""
