"""The operations of Discord's REST API that the sandbox implements, by name."""

from __future__ import annotations

from sandbox.rest import accounts, answers, channels, commands, reactions, threads
from sandbox.rest.routing import Operation

OPERATIONS: dict[str, Operation] = {
    **accounts.operations,
    **answers.operations,
    **channels.operations,
    **commands.operations,
    **reactions.operations,
    **threads.operations,
}
