"""`python -m bot` is `antiphon`."""

from bot.cli import main

if __name__ == "__main__":
    main()
