"""The part of Discord's REST API v10 that the sandbox implements."""
