"""Addresses of music servers in REMOTE_ENGINES; another machine's only where the owner allows it."""

from __future__ import annotations

import ipaddress
import re

ADDRESSES, ANYWHERE = "REMOTE_ENGINES", "REMOTE_ENGINES_ANYWHERE"
"""The settings, which are environment variables too: bot and worker know a model by its name alone, so
Settings.load exports them and the worker inherits them."""
_ADDRESS = re.compile(r"http://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?/?")


def parse_addresses(text: str) -> list[str]:
    """Return the addresses of a list separated by commas, without a slash at the end. Raises ValueError."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    for part in found:
        match = _ADDRESS.fullmatch(part)
        if match is None or int(match[2] or 80) > 65_535:
            raise ValueError(f"{part!r} isn't an address such as http://127.0.0.1:8080")
    return [part.rstrip("/") for part in found]


def is_loopback(address: str) -> bool:
    """Tell whether an address is this machine's own."""
    match = _ADDRESS.fullmatch(address)
    host = match[1].strip("[]") if match else ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
