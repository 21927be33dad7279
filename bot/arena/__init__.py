"""Statistics of a community's votes: pure functions from stored votes to estimates, text and an export.

votes, results and export are plain data and import without numpy, so the bot's own process may use
them. Everything else fits or draws and belongs in a process of its own.
"""
