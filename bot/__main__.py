"""`python -m bot` is `antiphon`."""

from bot.program import main

if __name__ == "__main__":
    main()
