"""The page's side of the sandbox: static files, uploads, and one websocket.

Everything lies below `/<token>/`, a token that stays the same for a history file:

    GET  /<token>/            index.html of sandbox/page/; other files of that folder by their names
    POST /<token>/uploads?user_id=…&channel_id=…   multipart, one field `file`
                              → {"id", "filename", "size", "content_type"}; the id goes into actions
    GET  /<token>/socket      the websocket: JSON objects, one a frame

The server speaks first, and after every change of user or language. Ids are strings; Discord's objects are as
in its API.

    {"type": "snapshot", "you": user_id, "locale": of your client,
     "bot": {"id", "online", "process": it runs},
     "upload_limit": bytes,
     "users": [user…],                    people to act as, and the bot
     "guilds": [{"id", "name", "owner_id", "roles": [role…], "members": [member…], "channels": [channel…],
                 "has_bot": bool}],
     "dms": [channel…],                   private channels of yours
     "permissions": {channel_id: "bits"}, yours
     "messages": {channel_id: [message…]}, the last 50 that you see, oldest first
     "commands": {channel_id: [command…]}, the commands offered to you there: Discord's command objects,
                                          their texts in your language where the bot has them
     "used": {command: count},            how often you used each command
     "welcome": {"title", "text", "hint", "starters": [{"label", "command", "options"}…],
                 "start" (the shell command, if known)} or null}

and then tells what happens where you can see it:

    {"type": "message", "new": bool, "message": message}    `message` has, beside Discord's fields,
                              "thinking" (still deferred), "failed" (deferred, and given up),
                              "ephemeral" (only you see it), "command" (the name of the command it
                              answers, or null) and "reactors" ({emoji: [user id…]})
    {"type": "message_deleted", "channel_id", "id"}
    {"type": "typing", "channel_id", "user_id"}
    {"type": "channel", "channel": channel}                 a DM was opened
    {"type": "places", "guilds", "permissions", "commands"}   as in the snapshot: channels or threads came,
                              went or changed. A thread is a channel with a "parent_id".
    {"type": "bot", "online": bool, "process": bool}
    {"type": "commands", "commands": {channel_id: [command…]}}
    {"type": "interaction", "interaction": {"id", "type", "state", "channel_id", "message_id", "command",
              "custom_id", "response_message_id", "modal", "choices"}}
                              one of yours moved on. `state` is "sent", "thinking", "answered" or "failed"
                              ("The application did not respond"). `modal` is to be shown when not null.
                              `choices` is what autocomplete offers: [{"name", "value"}…].

The page sends `{"ref": anything, "do": action, …}` and gets `{"type": "done", "ref", "result"}` or
`{"type": "refused", "ref", "message"}`. Actions and what they take (→ result, null where nothing is said):

    act_as        user_id
    speak         locale: of your Discord client, such as "de"; interactions carry it
    history       channel_id, before (message id)            → [message…], oldest first, 50 at most
    send          channel_id, content, files [upload id…], reply_to (message id)   → message id
    edit          message_id, content
    delete        message_id                                  one's own, a moderator's, or an ephemeral one
    react         message_id, emoji, on (False takes it back)
    typing        channel_id
    slash         channel_id, command ("preset save"), options {name: value}       → interaction
    autocomplete  channel_id, command, options, focused (option name)              → interaction
    message_menu  message_id, name                                                 → interaction
    user_menu     channel_id, user_id, name                                        → interaction
    click         message_id, custom_id                                            → interaction
    select        message_id, custom_id, values                                    → interaction
    submit        interaction_id (that opened the modal), values {custom_id: text, bool or list} → interaction

Values of users, roles, channels and uploads are ids. A text field, radio group or check box of a modal takes
one value, the others take lists.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, WSMsgType, web

from sandbox import changes
from sandbox.backend import Backend
from sandbox.defaults import LOCALES
from sandbox.errors import ApiError
from sandbox.files import Upload, content_type, read_part
from sandbox.model import Json, Message, User
from sandbox.page_view import PageView
from sandbox.resolve import ActionError
from sandbox.rules.shapes import as_snowflake
from sandbox.store import dumps

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "page"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # Scripts cannot turn a text into markup at all, ours included.
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_SCRIPTS = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".html": "text/html"}


class Viewer:
    """One open page, acting as one user."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.outbox: asyncio.Queue[str] = asyncio.Queue()

    def tell(self, body: Json) -> None:
        """Queue a message for the page."""
        self.outbox.put_nowait(dumps(body))


class PageApi:
    """Serves the page and its websocket."""

    def __init__(self, sandbox: Backend, token: str) -> None:
        self.sandbox = sandbox
        self.token = token
        self.view = PageView(sandbox)
        self.viewers: set[Viewer] = set()
        self._sockets: set[web.WebSocketResponse] = set()
        self._stop = sandbox.world.listen(self._changed)
        self._actions: dict[Any, Callable[[User, Json], Any]] = {
            "act_as": self._act_as,
            "speak": self._speak,
            "history": self._history,
            "send": self._send,
            "edit": self._edit,
            "delete": self._delete,
            "react": self._react,
            "typing": self._typing,
            "slash": self._slash,
            "autocomplete": self._autocomplete,
            "message_menu": self._message_menu,
            "user_menu": self._user_menu,
            "click": self._click,
            "select": self._select,
            "submit": self._submit,
        }

    def add_routes(self, app: web.Application) -> None:
        """Serve below the token's path."""
        app.router.add_get("/{token}/socket", self._socket)
        app.router.add_post("/{token}/uploads", self._upload)
        app.router.add_get("/{token}/{file:.*}", self._file)

    async def close(self) -> None:
        """Close every page's socket."""
        self._stop()
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(socket.close(code=1001), 2)

    def _admit(self, request: web.Request) -> None:
        if not secrets.compare_digest(request.match_info["token"].encode(), self.token.encode()):
            raise web.HTTPNotFound

    # Static files and uploads

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        path = (FOLDER / (request.match_info["file"] or "index.html")).resolve()
        if not path.is_relative_to(FOLDER) or not path.is_file():
            raise web.HTTPNotFound
        kind = _SCRIPTS.get(path.suffix) or content_type(path.name)
        charset = "utf-8" if path.suffix in _SCRIPTS else None
        return web.Response(body=path.read_bytes(), content_type=kind, charset=charset, headers=_HEADERS)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        user = self.sandbox.world.users.get(as_snowflake(request.query.get("user_id")) or 0)
        channel = self.sandbox.world.channels.get(as_snowflake(request.query.get("channel_id")) or 0)
        if user is None or user.bot or channel is None:
            raise web.HTTPNotFound
        try:
            part = await (await request.multipart()).next()
            if not isinstance(part, BodyPartReader):
                raise web.HTTPBadRequest(text="One field called file is needed.")
            limit = self.sandbox.messages.largest_upload
            upload = Upload(0, part.filename or "unnamed", await read_part(part, limit + 1))
            attachment = self.sandbox.client.upload(user, channel, upload)
        except (ActionError, ValueError) as error:
            return web.json_response({"message": str(error)}, status=400)
        return web.json_response(
            {
                "id": str(attachment.id),
                "filename": attachment.filename,
                "size": attachment.size,
                "content_type": attachment.content_type,
            }
        )

    # The websocket

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        ws = web.WebSocketResponse(heartbeat=30, max_msg_size=1 << 20)
        await ws.prepare(request)
        people = [user for user in self.sandbox.world.users.values() if not user.bot]
        viewer = Viewer(next((user for user in people if user.username == "alice"), people[0]))
        viewer.tell(self.view.snapshot(viewer.user))
        self.viewers.add(viewer)
        self._sockets.add(ws)
        writer = asyncio.create_task(self._write(ws, viewer))
        try:
            async for message in ws:
                if message.type == WSMsgType.TEXT:
                    self._take(viewer, message.data)
        finally:
            writer.cancel()
            self.viewers.discard(viewer)
            self._sockets.discard(ws)
        return ws

    @staticmethod
    async def _write(ws: web.WebSocketResponse, viewer: Viewer) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await ws.send_str(await viewer.outbox.get())

    def _take(self, viewer: Viewer, text: str) -> None:
        ref = None
        try:
            asked = json.loads(text)
            ref = asked.get("ref")
            action = self._actions.get(asked.get("do"))
            if action is None:
                raise ActionError(f"There is no action {asked.get('do')!r}.")
            if asked["do"] == "act_as":
                viewer.user = self._person(asked)
            result = action(viewer.user, asked)
        except (ActionError, ApiError) as error:
            viewer.tell({"type": "refused", "ref": ref, "message": str(error)})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            viewer.tell({"type": "refused", "ref": ref, "message": f"The page sent something odd: {error!r}"})
        else:
            viewer.tell({"type": "done", "ref": ref, "result": result})
            if asked["do"] in ("act_as", "speak"):
                viewer.tell(self.view.snapshot(viewer.user))

    def _person(self, asked: Json) -> User:
        user = self.sandbox.world.user(int(asked["user_id"]))
        if user.bot:
            raise ActionError("Nobody can act as the bot.")
        return user

    def _message(self, asked: Json, name: str = "message_id") -> Message:
        message = self.sandbox.world.messages.get(as_snowflake(asked[name]) or 0)
        if message is None:
            raise ActionError("That message is gone.")
        return message

    def _act_as(self, user: User, asked: Json) -> None:
        """The reader of the action has switched already; the snapshot follows."""

    def _speak(self, user: User, asked: Json) -> None:
        if asked["locale"] not in LOCALES:
            raise ActionError(f"Discord has no locale {asked['locale']!r}.")
        user.locale = asked["locale"]
        self.sandbox.world.add_user(user)

    def _history(self, user: User, asked: Json) -> Any:
        channel = self.sandbox.world.channel(int(asked["channel_id"]))
        return self.view.history(user, channel.id, as_snowflake(asked.get("before")))

    def _send(self, user: User, asked: Json) -> str:
        world = self.sandbox.world
        channel = world.channel(int(asked["channel_id"]))
        uploads = []
        for index, key in enumerate(asked.get("files") or []):
            kept, body = world.uploads.get(int(key)), world.store.file(int(key))
            if kept is None or body is None:
                raise ActionError("That file is gone; please choose it again.")
            uploads.append(Upload(index, kept.filename, body))
        reply_to = self._message(asked, "reply_to") if asked.get("reply_to") else None
        message = self.sandbox.client.post(user, channel, str(asked.get("content") or ""), uploads, reply_to)
        for key in asked.get("files") or []:
            world.uploads.pop(int(key), None)
            world.store.delete_file(int(key))
        return str(message.id)

    def _edit(self, user: User, asked: Json) -> None:
        self.sandbox.client.edit(user, self._message(asked), str(asked["content"]))

    def _delete(self, user: User, asked: Json) -> None:
        self.sandbox.client.delete(user, self._message(asked))

    def _react(self, user: User, asked: Json) -> None:
        self.sandbox.client.react(user, self._message(asked), str(asked["emoji"]), on=asked["on"] is True)

    def _typing(self, user: User, asked: Json) -> None:
        self.sandbox.client.typing(user, self.sandbox.world.channel(int(asked["channel_id"])))

    def _slash(self, user: User, asked: Json) -> Json:
        channel = self.sandbox.world.channel(int(asked["channel_id"]))
        client = self.sandbox.client
        return self.view.interaction(
            client.slash(user, channel, str(asked["command"]), asked.get("options") or {})
        )

    def _autocomplete(self, user: User, asked: Json) -> Json:
        channel = self.sandbox.world.channel(int(asked["channel_id"]))
        options, focused = asked.get("options") or {}, str(asked["focused"])
        sent = self.sandbox.client.autocomplete(user, channel, str(asked["command"]), options, focused)
        return self.view.interaction(sent)

    def _message_menu(self, user: User, asked: Json) -> Json:
        return self.view.interaction(
            self.sandbox.client.message_menu(user, str(asked["name"]), self._message(asked))
        )

    def _user_menu(self, user: User, asked: Json) -> Json:
        channel = self.sandbox.world.channel(int(asked["channel_id"]))
        target = int(asked["user_id"])
        return self.view.interaction(self.sandbox.client.user_menu(user, channel, str(asked["name"]), target))

    def _click(self, user: User, asked: Json) -> Json:
        return self.view.interaction(
            self.sandbox.client.click(user, self._message(asked), str(asked["custom_id"]))
        )

    def _select(self, user: User, asked: Json) -> Json:
        message, custom_id = self._message(asked), str(asked["custom_id"])
        return self.view.interaction(self.sandbox.client.select(user, message, custom_id, asked["values"]))

    def _submit(self, user: User, asked: Json) -> Json:
        opened = self.sandbox.world.interactions.get(as_snowflake(asked["interaction_id"]) or 0)
        if opened is None:
            raise ActionError("That form is gone.")
        return self.view.interaction(self.sandbox.client.submit(user, opened, asked.get("values") or {}))

    def _changed(self, change: changes.Change) -> None:
        for viewer in self.viewers:
            for body in self.view.news(viewer.user, change):
                viewer.tell(body)
