"""Texts for the property tests: anything a member could type, and things that look like prompts."""

from __future__ import annotations

from hypothesis import strategies as st

from bot.coach.images import images
from bot.coach.lexicon import lexicon
from bot.coach.rules import rules
from bot.recipe import Mode

anything = st.one_of(
    st.text(max_size=4_000),
    st.text(
        alphabet=st.characters(categories=["So", "Sk", "Cf", "Cc", "Cs", "Mn", "Zs", "Zl", "Lo"]),
        max_size=300,
    ),
    st.text(alphabet=" ,.-–‑'’&+:;!?()[]/%°½²①ǅﬁſßİıΣς\n\t\r\u2028\u0301\u200d\u202e0129abz", max_size=120),
)

_WORDS = """
and or but with over the a an of in to from fast sad calm aggressive slow loud quiet 300 bpm 12 bpm 90
lo-fi hip-hop no without please really perfect klavier ピアノ 120bpm 3/4 🎹 @everyone <@1>
"""
_PIECES = [
    *(key for key in lexicon().classes),
    *(example.text for rule in rules() for example in (*rule.positive, *rule.negative)),
    *images().scaffold,
    *_WORDS.split(),
    *["the best", "in the style of", "Erik Satie", "type beat", "of all time", "C# minor", "\u202eabc"],
]
_GLUE = st.sampled_from(
    [" ", " ", " ", ", ", ",", "  ", " and ", "-", ". ", "\n", " & ", "; ", "! ", " / ", "\u00a0"]
)

prompts = st.lists(st.tuples(st.sampled_from(_PIECES), _GLUE), max_size=14).map(
    lambda pairs: "".join(piece + glue for piece, glue in pairs)
)
"""Prompts made of what the coach knows, in any order: where its rewriting has the most to do."""

texts = st.one_of(anything, prompts, prompts)
modes = st.sampled_from(list(Mode))
limits = st.one_of(st.none(), st.integers(min_value=1, max_value=512))
