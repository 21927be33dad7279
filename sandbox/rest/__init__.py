"""Discord's REST API v10, as far as the sandbox implements it."""
