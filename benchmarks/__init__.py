"""What a claim in the documentation was measured with; each module says what it prints."""
