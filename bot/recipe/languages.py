"""Languages to sing in, by their English names, and their ISO 639 codes."""

from __future__ import annotations

LANGUAGES = {
    "English": "en",
    "Chinese": "zh",
    "Cantonese": "yue",
    "Japanese": "ja",
    "Korean": "ko",
    "Spanish": "es",
    "French": "fr",
    "German": "de",
    "Italian": "it",
    "Portuguese": "pt",
    "Russian": "ru",
    "Ukrainian": "uk",
    "Polish": "pl",
    "Czech": "cs",
    "Dutch": "nl",
    "Swedish": "sv",
    "Danish": "da",
    "Finnish": "fi",
    "Turkish": "tr",
    "Arabic": "ar",
    "Hebrew": "he",
    "Hindi": "hi",
    "Indonesian": "id",
    "Vietnamese": "vi",
    "Thai": "th",
}
"""25 of the 50 that ACE-Step sings (VALID_LANGUAGES of acestep/constants.py); Discord offers no more."""
_NAMES = {code: name for name, code in LANGUAGES.items()}


def normalize_language(text: str) -> str:
    """Return the name of a language for its code, “de” → “German”; anything else as it is."""
    return _NAMES.get(text.strip().casefold(), text)
