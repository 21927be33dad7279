"""Plain words: a message that mentions the bot, or a direct message, is answered with an offer of one button.

Discord delivers the content of both without the privileged intent (Discord's documentation of the gateway,
“Message Content Intent”). The offer is a reply; the clip itself is requested by its button, whose interaction
brings the right to answer.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import NotFound, StoreError, UserError
from bot.locale import language_for, set_language, tr
from bot.plain_words import prompt_in
from bot.policy.gate import Cause
from bot.recipe import PROMPT_CHARACTERS
from cogs.clips.begin import BUTTONS as BEGIN_BUTTONS
from cogs.clips.begin import FORMS, begin_buttons
from cogs.clips.words import submit_words
from cogs.ui.buttons import IdButton, clip_in, in_rows
from cogs.ui.commands import command
from cogs.ui.discord_errors import NETWORK_ERRORS
from cogs.ui.gate import message_refusal
from cogs.ui.language import server_language
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import quoted

log = logging.getLogger(__name__)

SHOWN_CHARACTERS = 300
BURST, WINDOW_SECONDS = 5, 60.0
"""So many answers to one person, twice as many in one channel, in so many seconds; the rest is ignored."""
MAX_REMEMBERED = 10_000
"""People and channels whose answers are counted; the longest unused are forgotten."""


class MakeThisButton(IdButton, prefix="plain:make"):
    """Makes the clip that somebody asked for in plain words."""

    label = "Make this clip"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Queue it for the person who wrote the words."""
        bot = interaction.client
        try:
            coached = await bot.coach.prompt(self.number, interaction.user.id)
        except NotFound:
            raise UserError(
                "This offer is somebody else's, or too old. Mention me with your own words, or use `/music`."
            ) from None
        await submit_words(interaction, coached.prompt)


class Pace:
    """Counts answers, so that nobody can have the bot fill a channel."""

    def __init__(self) -> None:
        self._answered: OrderedDict[int, deque[float]] = OrderedDict()

    def allows(self, user_id: int, channel_id: int) -> bool:
        """Tell whether one more answer is in order, and count it."""
        now = time.monotonic()
        counted = [(self._of(user_id, now), BURST), (self._of(channel_id, now), 2 * BURST)]
        if any(len(times) >= most for times, most in counted):
            return False
        for times, _ in counted:
            times.append(now)
        return True

    def _of(self, number: int, now: float) -> deque[float]:
        times = self._answered.setdefault(number, deque())
        self._answered.move_to_end(number)
        while times and now - times[0] > WINDOW_SECONDS:
            times.popleft()
        while len(self._answered) > MAX_REMEMBERED:
            self._answered.popitem(last=False)
        return times


class PlainWords(PersistentCog):
    """Listens to messages."""

    items = (MakeThisButton, *BEGIN_BUTTONS)
    forms = FORMS

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        self._pace = Pace()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a direct message, and a message with the bot's own mention in its text."""
        # Other bots and webhooks are never answered: two that answer each other would not stop.
        if message.author.bot or message.webhook_id is not None or self.bot.user is None:
            return
        if not message.is_system() and (message.guild is None or self.bot.user.id in message.raw_mentions):
            await self._answer(message)

    async def _answer(self, message: discord.Message) -> None:
        if not self._pace.allows(message.author.id, message.channel.id):
            log.info("a message of %d is not answered: there were %d in a minute", message.author.id, BURST)
            return
        set_language(await self._language(message))
        prompt = prompt_in(message.content)
        refusal = message_refusal(self.bot, message, prompt or "")
        if refusal is not None and refusal.cause is Cause.OFF:
            return
        try:
            if refusal is not None:
                await self._reply(message, str(refusal), None)
            elif prompt is None:
                await self._reply(
                    message, self._how_to_begin(), begin_buttons(can_duel=message.guild is not None)
                )
            else:
                await self._offer(message, await self._in_context(message, prompt))
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            # There is no right to write there, or Discord is out of reach: a missing offer is no loss.
            log.info("a message in channel %d could not be answered: %s", message.channel.id, error)
        except StoreError:
            log.exception("an offer could not be stored")

    async def _language(self, message: discord.Message) -> str:
        """Return the server's language; in a direct message that of the member's last request."""
        if message.guild is None:
            return language_for(await self.bot.history.last_locale(message.author.id))
        return server_language(self.bot, message.guild.id)

    async def _offer(self, message: discord.Message, prompt: str) -> None:
        bot = self.bot
        offered = await bot.coach.remember(message.author.id, prompt, bot.default_mode)
        question = tr("Make a clip of “{prompt}”?", prompt=quoted(prompt, SHOWN_CHARACTERS))
        more = tr("{command} also takes a length, a mode and more.", command=command(bot, "music"))
        text = f"{question}\n-# {more}"
        await self._reply(message, text, in_rows(MakeThisButton(offered.id)))

    def _how_to_begin(self) -> str:
        return tr(
            "Hello! Tell me what you want to hear, for example “slow piano in the rain”, or use {music}. "
            "{help} lists everything else.",
            music=command(self.bot, "music"),
            help=command(self.bot, "help"),
        )

    async def _in_context(self, message: discord.Message, words: str) -> str:
        """Return the words behind the prompt of the clip that a message replies to, where it does."""
        replied = message.reference.resolved if message.reference else None
        if not isinstance(replied, discord.Message) or not self.bot.wrote(replied):
            return words
        clip_id = clip_in(replied)
        if clip_id is None:
            return words
        try:
            before = (await self.bot.history.clip(clip_id)).recipe.prompt
        except NotFound:
            return words
        together = f"{before}, {words}"
        return together if len(together) <= PROMPT_CHARACTERS else words

    async def _reply(self, message: discord.Message, text: str, view: discord.ui.View | None) -> None:
        """Reply once: the message's id is the nonce, with which Discord recognises a second attempt."""
        await message.channel.send(
            text,
            view=discord.utils.MISSING if view is None else view,
            nonce=str(message.id),
            reference=message.to_reference(fail_if_not_exists=False),
            mention_author=False,
        )


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(PlainWords(bot))
