"""What several features show: cards, buttons, and the answer to an error."""
