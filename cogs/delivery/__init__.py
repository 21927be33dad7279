"""The outbox: the one way by which clips, duels and notices reach Discord; `docs/delivery.md`."""
