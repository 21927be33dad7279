from __future__ import annotations

from bot.duels.service import MAX_TAGS, tags_of


def test_tags_are_genres_and_moods_each_once() -> None:
    assert tags_of("Calm JAZZ, more jazz, with a piano") == ("mood:calm", "genre:jazz")
    assert tags_of("") == ()
    assert tags_of("a rusty door") == ()


def test_a_pile_of_words_makes_no_pile_of_tags() -> None:
    words = "jazz techno folk ambient punk metal soul funk disco house trance reggae"
    assert len(tags_of(words)) == MAX_TAGS
