"""The prompt coach: advice, translation between modes, a recommended mode. Pure, over packaged data."""
