"""The life of a server: settings, a raid, a banned word, a report, a ban, an export, an erased member.

Each refusal with its sentence.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.actors import Actor, text_of
from sandbox.model import Member, User
from sandbox.spec import Spec
from tests.e2e.clips import clips_in, eventually, made, private
from tests.e2e.conftest import running
from tests.e2e.test_erased_files import holding
from tests.e2e.test_privacy import exported
from tests.e2e.test_settings import choose, write

RAIDERS = 30
HURTFUL, GOES_ON = "something that hurts", "music as before"


async def test_a_server_is_set_up_raided_moderated_and_lives_on(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        sandbox = bot.sandbox
        mina, alice, bob = (sandbox.member(name) for name in ("mina", "alice", "bob"))
        music, general = sandbox.channel("music"), sandbox.channel("general")

        async def said(actor: Actor, command: str, **options: object) -> str:
            return text_of(await private(await actor.slash(command, options)))

        # Set up: one channel, accounts of a week, a word, a log.
        await choose(mina, "ask_channels", music)
        await write(mina, "limits", "account_days", "7")
        await write(mina, "moderation", "blocked_words", "vileword")
        await choose(mina, "log_channel", general)

        # A raid of accounts made today: every one is told why, and none gets a place in the queue.
        guild = sandbox.guild().guild
        for number in range(RAIDERS):
            user = sandbox.world.add_user(User(sandbox.world.ids.next(), f"raider{number}"))
            guild.members[user.id] = Member(user.id, [], sandbox.clock.now())
        sandbox.world.add_guild(guild)
        for number in range(RAIDERS):
            answer = await said(sandbox.member(f"raider{number}"), "music", prompt="noise")
            assert answer.startswith("Your Discord account has to be at least 7 days old"), answer
            assert answer.endswith("Come back in 7 days.")
        assert "Nothing is waiting" in await said(alice, "queue")

        # A word in disguise; the refusal does not say it again.
        answer = await said(bob, "music", prompt="a v.i.l.e.w.o.r.d song")
        assert answer.startswith("Your request has a word that this server doesn't allow.")
        assert "vile" not in answer.casefold()

        # A clip that words cannot judge: reported, looked at, its requester banned.
        clip = await made(bob, HURTFUL)
        form = await alice.message_menu("Report clip", clip)
        await private(await alice.submit(form, {"reason": "It mocks a member."}))
        await general.wait_for(lambda one: f"{alice.mention} **report**" in one.content)
        listed = await private(await mina.slash("moderate clips"))
        case = await private(await mina.click(listed, "moderate:look:1"))
        await mina.click(case, "Delete and ban member")
        await eventually(lambda: clip not in music.messages, "the end of the clip")
        assert (await said(bob, "music", prompt="again")).startswith(
            "This server's moderators have banned you"
        )

        # Everybody else goes on, also after a restart, and the log tells all of it.
        await bot.kill()
        await bot.restart()
        await made(alice, GOES_ON)
        assert (await said(bob, "music", prompt="again")).startswith(
            "This server's moderators have banned you"
        )
        log = await said(mina, "moderate audit")
        assert [log.count(f"**{act}**") for act in ("set", "report", "ban")] == [4, 1, 1]

        # Who is banned still has their own data: a copy of it, then its erasure, which lifts no ban.
        own = (await exported(bob))["tables"]
        assert [row["recipe"]["prompt"] for row in own["jobs"]] == [HURTFUL]
        assert [row["reason"] for row in own["member_bans"]] != []
        assert [clip["recipe"]["prompt"] for clip in (await exported(alice))["tables"]["clips"]] == [GOES_ON]
        asked = await private(await bob.slash("privacy erase"))
        assert "Erased" in text_of(await private(await bob.click(asked, "Erase everything")))
        assert holding(bot, HURTFUL) == []
        assert (await exported(bob))["tables"].keys() == {"member_bans"}
        assert (await said(bob, "music", prompt="again")).startswith(
            "This server's moderators have banned you"
        )
        assert len(clips_in(music)) == 1
        assert GOES_ON in await said(alice, "history")
        await private(await mina.slash("moderate unban", member=bob))
        await made(bob, "a second chance")
        assert not [line for line in bot.lines if "Traceback" in line]
