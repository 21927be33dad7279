"""Bodies nobody would write, made from Discord's own description, against every operation the sandbox has."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.model import Command
from sandbox.rest.implemented import OPERATIONS
from sandbox.server import Sandbox
from sandbox.spec import Spec, SpecMissingError, find_spec
from tests.requirements import absent
from tests.sandbox.conftest import NOON, ROOT

EXAMPLES = 5
SECONDS = 5
"""How long an answer may take: a hang, not slowness, is what this would show."""
COMMAND = {
    "type": 1,
    "name": "play",
    "description": "Play",
    "contexts": None,
    "default_member_permissions": None,
}


class Server:
    """A sandbox in a thread of its own, since the generated requests are blocking ones."""

    def __enter__(self) -> Server:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.sandbox: Sandbox = self.run(self._open())
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bot {self.sandbox.bot_token}"
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()
        self.run(self.sandbox.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _open(self) -> Sandbox:
        clock, spec = Clock(paused_at=NOON), Spec(find_spec(ROOT))
        return await Sandbox(clock=clock, limits=Limits.none(), spec=spec).__aenter__()

    def misfits(self) -> list[str]:
        """The answers since the last call that do not fit the description; requests are not meant to."""
        assert self.sandbox.spec is not None
        found, self.sandbox.spec.mismatches = self.sandbox.spec.mismatches, []
        return [one for one in found if not one.startswith("request")]

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(SECONDS)

    def real(self, operation: str) -> dict[str, str]:
        """Path parameters that exist, so that the body is what the operation meets."""
        found: dict[str, str] = self.run(self._real(operation))
        return found

    async def _real(self, operation: str) -> dict[str, str]:
        sandbox, music = self.sandbox, self.sandbox.channel("music")
        world, client = sandbox.world, sandbox.client
        alice = sandbox.member("alice")
        command = Command(world.ids.next(), 1, "play", 1, None, COMMAND)
        world.set_commands(world.commands_of(None), [command])
        kept = world.new_message(music.channel, sandbox.application_id, content="kept")
        world.add_message(kept)
        interaction = client.slash(alice.user, music.channel, "play", {})
        if "webhook" in operation:
            sandbox.interactions.respond(interaction, {"type": 4, "data": {"content": "first"}}, [])
        return {
            "channel_id": str(music.id),
            "message_id": str(interaction.response_message_id or kept.id),
            "guild_id": str(music.channel.guild_id),
            "user_id": str(alice.id),
            "application_id": str(sandbox.application_id),
            "command_id": str(command.id),
            "interaction_id": str(interaction.id),
            "interaction_token": interaction.token,
            "webhook_id": str(sandbox.application_id),
            "webhook_token": interaction.token,
        }


@pytest.fixture(scope="module")
def schema() -> Any:
    try:
        document = json.loads(find_spec(ROOT).read_text("utf-8"))
    except SpecMissingError as error:
        absent("openapi", str(error))
    return schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def server(schema: Any) -> Iterator[Server]:
    with Server() as running:
        yield running


# Operations that share an implementation are tried under one name.
NAMES = sorted(
    {
        operation.handler: name for name, operation in OPERATIONS.items() if name != "refresh_attachment_urls"
    }.values()
)


READING = ("get_", "list_", "delete_", "trigger_")
FITTING = [(name, GenerationMode.POSITIVE) for name in NAMES]
UNFITTING = [(name, GenerationMode.NEGATIVE) for name in NAMES if not name.startswith(READING)]


@pytest.mark.parametrize(
    ("name", "mode"), FITTING + UNFITTING, ids=lambda value: getattr(value, "value", value)
)
def test_no_request_is_answered_with_an_error_of_ours(
    name: str, mode: GenerationMode, server: Server, schema: Any
) -> None:
    operation = schema.find_operation_by_id(name)
    has_content = bool(operation.body or operation.query)
    strategy = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def every(case: Any) -> None:
        if has_content:
            case.path_parameters = {**case.path_parameters, **server.real(name)}
        answer = case.call(
            base_url=server.sandbox.api_url,
            session=server.session,
            headers={"Authorization": f"Bot {server.sandbox.bot_token}"},
            timeout=SECONDS,
        )
        assert answer.status_code < 500, (case.body, answer.text)

    server.misfits()
    every()
    assert server.misfits() == []
