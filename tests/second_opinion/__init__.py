"""The main scenarios against simcord, a Discord by another author.

The sandbox and the bot are of one project, so a wrong idea of Discord could be in both and no end-to-end
test would see it. These few scenarios are checked against an independent reading of Discord's documentation.
They are not complete on purpose, and rest on two private functions of simcord (`close_gaps`): where a new
version of it moves these, the package may be dropped without losing coverage.
"""
