"""Whatever goes into the builder, Discord takes what comes out."""

from __future__ import annotations

import discord
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cogs.ui.embeds import Field, build_embed
from sandbox.rules.messages import embed_size

texts = st.one_of(st.text(max_size=60), st.integers(0, 6_000).map(lambda n: "*🎹" * (n // 2)))
lines = st.lists(st.text(max_size=300), max_size=40)
fields = st.lists(
    st.builds(Field, name=texts, value=st.one_of(texts, lines), inline=st.booleans()), max_size=40
)


def accepted(embed: discord.Embed, total: int = 6_000) -> None:
    """Check Discord's embed limits (Discord's documentation of messages)."""
    data = embed.to_dict()
    assert len(data.get("title", "")) <= 256
    assert len(data.get("description", "")) <= 4_096
    assert len(data.get("fields", [])) <= 25
    for field in data.get("fields", []):
        assert 1 <= len(field["name"]) <= 256
        assert 1 <= len(field["value"]) <= 1_024
        assert field["name"].strip()
        assert field["value"].strip()
    assert len(data.get("footer", {"text": ""})["text"]) <= 2_048
    assert embed_size(dict(data)) <= total


@given(texts, st.one_of(texts, lines), fields, texts, st.sampled_from([1_200, 3_000, 6_000]))
@settings(max_examples=300, deadline=None)
@example("*" * 300, "*" * 5_000, [Field("n" * 300, "v" * 2_000)] * 30, "f" * 3_000, 6_000)
@example("", ["x" * 700] * 9, [Field("", ["y" * 299] * 9)] * 25, "", 1_200)
def test_no_embed_is_refused(
    title: str, description: str | list[str], fields: list[Field], footer: str, total: int
) -> None:
    embed = build_embed(title=title, description=description, fields=fields, footer=footer, max_total=total)
    accepted(embed, total)


def test_what_fits_stays_as_it_is() -> None:
    built = build_embed(
        title="t",
        description="d",
        colour=7,
        fields=[Field("n", "v", inline=False)],
        footer="f",
        image="attachment://a.png",
    )
    by_hand = discord.Embed(title="t", description="d", colour=7).add_field(name="n", value="v", inline=False)
    assert built == by_hand.set_footer(text="f").set_image(url="attachment://a.png")


def test_short_texts_stay_whole_where_long_ones_are_shortened() -> None:
    fields = [Field("Length", "10 s"), *(Field("Lyrics", "la " * 330) for _ in range(8))]
    embed = build_embed(title="Clip 5", description="word " * 800, fields=fields, footer="Version 1 of 2")
    accepted(embed)
    assert (embed.title, embed.footer.text, embed.fields[0].value) == ("Clip 5", "Version 1 of 2", "10 s")
    assert embed_size(dict(embed.to_dict())) > 5_900


def test_a_list_leaves_out_whole_lines_and_counts_them() -> None:
    embed = build_embed(fields=[Field("4 open reports", [f"- {letter * 297}" for letter in "abcd"])])
    assert embed.fields[0].value == "\n".join([*(f"- {c * 297}" for c in "abc"), "… and 1 more"])


def test_more_fields_than_there_may_be_are_counted() -> None:
    embed = build_embed(fields=[Field(str(number), "v") for number in range(40)])
    assert [field.value for field in embed.fields[-2:]] == ["v", "and 16 more"]


def test_a_blank_value_is_a_dash() -> None:
    embed = build_embed(title="t", fields=[Field("Tags", ""), Field("Reports", []), Field("\u200b", " ")])
    assert [(field.name, field.value) for field in embed.fields] == [
        ("Tags", "–"),
        ("Reports", "–"),
        ("–", "–"),
    ]
