"""Secrets in odd places: what is printed, logged or exported holds none of them."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot import redact as redaction
from bot.redact import RedactingStream, hide, hide_named, redact, redact_all

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KNOWN = "sandbox.vT9k_2QxLr7-MzYb41HdWc8NfPaE0sGu"
"""A secret without the shape of a Discord token: it is found by its value alone."""
SHAPED = "MTA5ODc2NTQzMjEwOTg3NjU0Mw.GkQ1zA.b3dWk9-LmXq_7RtYv2NcZs5PfHj8KaUo0Dg4Te"


@pytest.fixture(autouse=True)
def _nothing_known_but_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", redaction._Known())
    hide(KNOWN)


PLACES: dict[str, Callable[[str], str]] = {
    "alone": str,
    "in a sentence": "The model {} is not there.".format,
    "in quotes": "'{}'".format,
    "as another variable": "AR_MODEL={}".format,
    "in an environment": lambda secret: repr({"PATH": "/bin", "DISCORD_TOKEN": secret}),
    "in a path": "/home/owner/{}/clips".format,
    "in an address": "https://bot:{}@example.org/x".format,
    "as a user": "https://{}@example.org".format,
    "in a query": "https://example.org/x?token={}&y=1".format,
    "in a header": "{{'Authorization': 'Bot {}'}}".format,
    "percent-encoded": lambda secret: "".join(f"%{ord(one):02X}" for one in secret),
    "partly percent-encoded": lambda secret: (
        secret.replace(".", "%2E").replace("-", "%2d").replace("_", "%5F")
    ),
    "in JSON": lambda secret: json.dumps({"error": f'at "{secret}"'}),
    "in an exception": lambda secret: repr(ValueError(f"Invalid header value b'Bot {secret}'")),
    "with an escape after it": "{}\\n".format,
}
BY_VALUE: dict[str, Callable[[str], str]] = {
    "folded": lambda secret: textwrap.fill(f"The token is {secret}.", 24),
    "in a box": lambda secret: f"│ {secret[:20]} │\n│ {secret[20:]} │",
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "basic authentication": lambda secret: base64.b64encode(f"bot:{secret}".encode()).decode(),
    "base64 for addresses": lambda secret: base64.urlsafe_b64encode(f"{secret}?".encode()).decode(),
    "hex": lambda secret: secret.encode().hex(),
    "JSON escapes": lambda secret: "".join(f"\\u{ord(one):04x}" for one in secret),
    "HTML escapes": lambda secret: "".join(f"&#{ord(one)};" for one in secret),
    "its last part": lambda secret: secret.rpartition(".")[2],
}


def leaks(secret: str, text: str) -> bool:
    """Tell whether any eight characters of the secret in a row can still be read in the text."""
    kept = "".join(text.split()).replace("│", "")
    return any(secret[start : start + 8] in kept for start in range(len(secret) - 7))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", [KNOWN, SHAPED])
def test_no_place_shows_a_secret(place: str, secret: str) -> None:
    said = redact(PLACES[place](secret))
    assert not leaks(secret, said)
    assert "%4D%54%41" not in said
    assert redact(said) == said


@pytest.mark.parametrize("place", BY_VALUE)
def test_a_known_value_is_hidden_in_every_encoding(place: str) -> None:
    hide(SHAPED)
    for secret in (KNOWN, SHAPED):
        written = BY_VALUE[place](secret)
        said = redact(written)
        assert not leaks(secret, said)
        assert "[secret]" in said
        assert not any(written[start : start + 24] in said for start in range(len(written) - 23))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345", "[secret]"),
        ("mfa." + "a1B2" * 20, "[secret]"),
        ("user MTA5ODc2NTQzMjEwOTg3NjU0Mw alone", "user [secret] alone"),
        ("MTA5ODc2NTQzMjEwOTg3NjU0Mw==", "[secret]"),
        ("token aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OTphYmNkZWY in a body", "token [secret] in a body"),
        ("/webhooks/12/aW50.-_ZXI/messages/@original", "/webhooks/12/[token]/messages/@original"),
        ("/interactions/12/aW50ZXI/callback", "/interactions/12/[token]/callback"),
        ("%2Fwebhooks%2F12%2FaW50.ZXI%2Fmessages", "%2Fwebhooks%2F12%2F[token]%2Fmessages"),
        ("postgres://me:pass@db/x", "postgres://[secret]@db/x"),
        ("https%3A%2F%2Fme%3Apass%40db", "https%3A%2F%2F[secret]%40db"),
        ("Bearer abcdefghijklmnopqrstuvwxyz", "Bearer [secret]"),
        ("DB_PASSWORD=correcthorse", "DB_PASSWORD=[secret]"),
    ],
)
def test_shapes_are_hidden_without_knowing_the_value(text: str, said: str) -> None:
    assert redact(text) == said
    assert redact(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "job 7 failed",
        "tokenizer=AutoTokenizer max_tokens=1000000000 token_expires_at=1700000000",
        "bot.engines.checkpoints_and_more.module.something_long_in_small_letters_alone",
        "Discord refused DISCORD_TOKEN: make a new one in the developer portal",
        "https://discord.com/oauth2/authorize?client_id=1098765432109876543&permissions=1",
        "models--facebook--musicgen-small/snapshots/4c8334b02c6ec4e8664a91979669a501ec497792",
        "see https://example.org/a?x=mail@example.org",
        "MNOabcdefghijklmnopqrstuvwx is a word of that length",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact(text) == text


@given(
    user=st.integers(10**16, 10**19),
    middle=st.text(ALPHABET, min_size=6, max_size=7),
    last=st.text(ALPHABET, min_size=27, max_size=38),
    before=st.sampled_from(["", " ", "'", '"', "=", "/", "(", "\n"]),
    after=st.sampled_from(["", " ", "'", '"', ",", "/", ")", "\n", "?x"]),
)
def test_any_token_is_hidden_by_its_shape(user: int, middle: str, last: str, before: str, after: str) -> None:
    assume(any(map(str.isupper, last)) and any(map(str.islower, last)) and any(map(str.isdigit, last)))
    first = base64.urlsafe_b64encode(str(user).encode()).decode().rstrip("=")
    said = redact(f"{before}{first}.{middle}.{last}{after}")
    assert first not in said
    assert last not in said


@given(st.text())
def test_redaction_is_stable_and_ends(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(
    st.recursive(
        st.text(max_size=9) | st.none() | st.integers(),
        lambda item: st.lists(item) | st.dictionaries(st.text(max_size=5), item),
        max_leaves=9,
    )
)
def test_a_structure_stays_json(value: object) -> None:
    held = [value, {"message": f"at '{KNOWN}'", KNOWN: [SHAPED]}]
    said = json.dumps(redact_all(held))
    assert json.loads(redact(said)) == json.loads(said)
    assert not leaks(KNOWN, said)
    assert not leaks(SHAPED, said)


def test_long_texts_take_no_long() -> None:
    for text in ("a" * 300_000, "M" * 300_000, "a-" * 150_000, "token" * 60_000, "%2F" * 100_000):
        assert redact(text) == text


def test_names_say_what_is_secret() -> None:
    hide_named(
        {
            "MY_API_KEY": "qwertyuiop",
            "PATH": "zxcvbnmasd",
            "X_PASSWORD": "short",
            "T_TOKEN": f"Bot {'Q7' * 15}",
        }
    )
    assert redact("qwertyuiop zxcvbnmasd short") == "[secret] zxcvbnmasd short"
    assert redact("Q7" * 15) == "[secret]"


def test_a_stream_lets_nothing_through(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    stream = RedactingStream(sys.stdout)
    print(f"the token is {KNOWN}", file=stream)
    stream.writelines([f"{SHAPED}\n"])
    assert capsys.readouterr().out == "the token is [secret]\n[secret]\n"
    assert stream.encoding == sys.stdout.encoding
