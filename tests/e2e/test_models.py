"""Several models in one bot: chosen by name, told apart, and gone when the owner takes them away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.actors import Actor
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.clips import carries_clip, made, pressed, private, queued, rendering, text_in
from tests.e2e.conftest import running

MODELS = "small,large,some-diffusion"


async def test_a_member_chooses_one_of_several_models(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, MODELS=MODELS) as bot:
        alice = bot.sandbox.member("alice")
        offered = await alice.autocomplete("music", "model", "", prompt="a tune")
        assert [choice["name"] for choice in offered] == [
            "small · ar · MIT · no clip made here yet",
            "large · ar · MIT · no clip made here yet",
            "some-diffusion · diffusion · MIT · no clip made here yet",
        ]
        chosen = await alice.autocomplete("music", "model", "", prompt="a tune", mode="diffusion")
        assert [choice["value"] for choice in chosen] == ["some-diffusion"]

        assert await model_of(alice, await made(alice, "by the default")) == "small"
        assert await model_of(alice, await made(alice, "by the other one", model="large")) == "large"
        # A client may send a choice's name in place of its value.
        named = await made(alice, "its mode follows", model=chosen[0]["name"])
        assert await model_of(alice, named) == "some-diffusion"
        usual = await alice.autocomplete("music", "model", "LARGE", prompt="a tune")
        assert [choice["name"] for choice in usual] == ["large · ar · MIT · a few seconds a clip"]


async def test_a_model_that_does_not_fit_the_request_is_refused_in_words(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path, MODELS=MODELS) as bot:
        alice = bot.sandbox.member("alice")

        async def refusal(**options: Any) -> str:
            reply = await alice.slash("music", prompt="a tune", seconds=2, **options)
            return (await reply.finished()).content

        assert "There is `small`, `large`, `some-diffusion`" in await refusal(model="medium")
        assert "a model of mode ar. Leave `mode` out" in await refusal(model="large", mode="diffusion")
        assert "`steps` does nothing" in await refusal(model="large", steps=20)
        preset = await made(alice, "lofi beats", model="some-diffusion", steps=20)
        assert await model_of(alice, preset) == "some-diffusion"


async def test_only_the_clips_for_a_model_that_was_taken_away_fail(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, MODELS=MODELS) as bot:
        alice, bob = bot.sandbox.member("alice"), bot.sandbox.member("bob")
        kept = await rendering(alice, "one", model="small")
        gone = await queued(bob, "two", model="large")
        await bot.kill()
        bot.environment["MODELS"] = "small,some-diffusion"
        bot.let_through()
        await bot.restart()
        await text_in(gone, r"(?s)for the model large, and mode ar now runs small", bot.sandbox)
        await carries_clip(kept, bot.sandbox)


async def model_of(actor: Actor, message: Message) -> str:
    """Return the owner's name of the model in a clip's details: “test tones (`small`)” is “small”."""
    shown = await private(await pressed(actor, message, "Details"))
    value = str(next(f["value"] for f in shown.embeds[0]["fields"] if f["name"] == "Model"))
    return value.removeprefix("test tones (`").removesuffix("`)")
