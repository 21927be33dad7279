"""Models on this machine: which there are, their licences, how to get them, where they lie. No torch here."""
