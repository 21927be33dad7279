"""Discord's rules, each under a name of its own, so that each can be taken out to prove that its test needs it."""

from sandbox.rules.book import RULES, Rulebook, rule

__all__ = ["RULES", "Rulebook", "rule"]
