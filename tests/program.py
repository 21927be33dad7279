"""Antiphon's own process for tests: everything real, but for engines that play test tones, and the clock."""

from bot.cli import main
from tests import clock

if __name__ == "__main__":
    main(engines="tests.tone", clock=clock.now)
