"""Discord's rules, each under a name, so that taking one out can prove that its test needs it."""

from sandbox.rules.book import RULES, Rulebook, rule

__all__ = ["RULES", "Rulebook", "rule"]
