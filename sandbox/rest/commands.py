"""Application commands: registered globally or for one guild, one by one or all at once."""

from __future__ import annotations

from typing import Any

from sandbox.errors import missing_access, refusal, unknown
from sandbox.model import Command, Json
from sandbox.rest.routing import Answer, Call, Created, Operations, Services
from sandbox.rules.commands import (
    ENTRY_POINT,
    PRIMARY_ENTRY_POINT,
    judge_command,
    judge_commands,
    judge_count,
    judge_installs,
)

operations = Operations()

_KEPT = ("name", "description", "name_localizations", "description_localizations", "options", "contexts",
         "integration_types", "nsfw", "dm_permission", "handler")  # fmt: skip


def _place(sandbox: Services, call: Call) -> int | None:
    """The guild a path speaks of, or None for global commands."""
    if call.id("application_id", "Application") != sandbox.world.application_id:
        raise unknown("Application")
    if "guild_id" not in call.params:
        return None
    guild = sandbox.world.guild(call.id("guild_id", "Guild"))
    if sandbox.world.application_id not in guild.members:
        raise missing_access()
    return guild.id


def _find(sandbox: Services, call: Call) -> Command:
    guild_id = _place(sandbox, call)
    command = sandbox.world.commands.get(call.id("command_id", "Application Command"))
    if command is None or command.guild_id != guild_id:
        raise unknown("Application Command")
    return command


def _make(sandbox: Services, guild_id: int | None, body: Json) -> Command:
    """The command `body` asks for, under the id of one with the same name and type if there is one."""
    kind, name = body.get("type") or 1, body["name"]
    command_id = next(
        (one.id for one in sandbox.world.commands_of(guild_id) if (one.type, one.name) == (kind, name)),
        None,
    )
    supported = sandbox.world.app.install_types
    given = _strip({name: body.get(name) for name in _KEPT})
    permissions = body.get("default_member_permissions")
    kept: Json = {
        "type": kind,
        "description": "",
        "nsfw": False,
        "integration_types": sorted(supported) if guild_id is None else [0],
        "contexts": None,
        **given,
        **_narrowed(given, supported),
        "default_member_permissions": None if permissions is None else str(permissions),
    }
    ids = sandbox.world.ids
    return Command(command_id or ids.next(), kind, name, ids.next(), guild_id, kept)


def _narrowed(given: Json, supported: set[int]) -> Json:
    kinds = given.get("integration_types")
    return {} if kinds is None else {"integration_types": [kind for kind in kinds if kind in supported]}


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strip(item) for name, item in value.items() if item is not None}
    return [_strip(item) for item in value] if isinstance(value, list) else value


@operations.add("list_application_commands")
@operations.add("list_guild_application_commands")
def list_commands(sandbox: Services, call: Call) -> Answer:
    """Return the registered commands."""
    return [sandbox.payloads.command(command) for command in sandbox.world.commands_of(_place(sandbox, call))]


@operations.add("bulk_set_application_commands")
@operations.add("bulk_set_guild_application_commands")
def bulk_set_commands(sandbox: Services, call: Call) -> Answer:
    """Register exactly these; commands of the same name and type keep their ids."""
    guild_id = _place(sandbox, call)
    bodies = [] if call.body is None else call.body
    judge_commands(bodies, sandbox.rules)
    judge_installs(bodies, sandbox.world.app, sandbox.rules, bulk=True)
    kept = any(body.get("type") == PRIMARY_ENTRY_POINT for body in bodies)
    if guild_id is None and sandbox.world.app.entry_point and not kept and ENTRY_POINT in sandbox.rules:
        raise refusal(50240)
    made = [_make(sandbox, guild_id, body) for body in bodies]
    sandbox.world.set_commands(sandbox.world.commands_of(guild_id), made)
    return [sandbox.payloads.command(command) for command in made]


@operations.add("create_application_command")
@operations.add("create_guild_application_command")
def create_command(sandbox: Services, call: Call) -> Answer:
    """Register one; it takes the place of one with the same name and type."""
    guild_id = _place(sandbox, call)
    judge_command(call.body, sandbox.rules)
    judge_installs([call.body], sandbox.world.app, sandbox.rules, bulk=False)
    made = _make(sandbox, guild_id, call.body)
    is_new = made.id not in sandbox.world.commands
    others = [one.type for one in sandbox.world.commands_of(guild_id) if one.id != made.id]
    judge_count([*others, made.type], sandbox.rules)
    sandbox.world.set_commands([], [made])
    body = sandbox.payloads.command(made)
    return Created(body) if is_new else body


@operations.add("get_application_command")
@operations.add("get_guild_application_command")
def get_command(sandbox: Services, call: Call) -> Answer:
    """One command."""
    return sandbox.payloads.command(_find(sandbox, call))


@operations.add("update_application_command")
@operations.add("update_guild_application_command")
def update_command(sandbox: Services, call: Call) -> Answer:
    """Change the fields in the body."""
    command = _find(sandbox, call)
    changed = call.body if isinstance(call.body, dict) else {}
    body = {**command.body, **changed, "type": command.type}
    if "name" not in changed:
        body["name"] = command.name
    judge_command(call.body if not isinstance(call.body, dict) else body, sandbox.rules)
    judge_installs([changed], sandbox.world.app, sandbox.rules, bulk=False)
    if "default_member_permissions" not in changed:
        body["default_member_permissions"] = command.body["default_member_permissions"]
    made = _make(sandbox, command.guild_id, body)
    made.id = command.id
    sandbox.world.set_commands([command], [made])
    return sandbox.payloads.command(made)


@operations.add("delete_application_command")
@operations.add("delete_guild_application_command")
def delete_command(sandbox: Services, call: Call) -> Answer:
    """Take one away."""
    sandbox.world.set_commands([_find(sandbox, call)], [])
    return None
