"""A Discord of your own on loopback: REST, gateway, attachments, and a page to talk to a bot."""
