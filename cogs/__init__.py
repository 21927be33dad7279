"""Discord's user interface: parse, call a service, render an answer."""
