"""Antiphon's own process for tests: everything real, but for engines that play test tones."""

from bot.cli import main

if __name__ == "__main__":
    main(engines="tests.tone")
