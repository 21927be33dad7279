"""Discord's JSON error codes that a bot has to live with: the HTTP status and the message of each.

Source: "JSON Error Codes" in Discord's documentation; the status of each as bots have logged it.
"""

from __future__ import annotations

ERROR_CODES: dict[int, tuple[int, str]] = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10008: (404, "Unknown Message"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    20016: (429, "This action cannot be performed due to slowmode rate limit"),
    20028: (429, "The channel you are writing has hit the write rate limit"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40058: (400, "Cannot send messages in this forum channel"),
    40060: (400, "Interaction has already been acknowledged."),
    40333: (403, "internal network error"),
    50001: (403, "Missing Access"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50240: (400, "You cannot remove this app's Entry Point command in a bulk update operation."),
    50278: (403, "Cannot send messages to this user due to having no mutual guilds"),
    130000: (503, "API resource is currently overloaded. Try again a little later"),
    160005: (400, "Thread is locked"),
    200000: (400, "Message was blocked by automatic moderation"),
    200001: (400, "Title was blocked by automatic moderation"),
}

EDGE_ERRORS: dict[int, tuple[str, str]] = {
    502: ("text/html", "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"),
    503: ("text/plain", "upstream connect error or disconnect/reset before headers. reset reason: overflow"),
    504: ("text/plain", "upstream request timeout"),
}
"""Content type and body of the errors that come from the proxies before the API, as bots have logged them."""
CLOUDFLARE_BAN = ("text/plain", "error code: 1015")
"""What Cloudflare answers an address that it banned for its rate of requests: no JSON, and no `Via`."""
