"""What languages call themselves: those of Discord's locales, with its own names for them.

Source: Discord's developer documentation, "Locales" (reference#locales). A catalogue without a region
(`es`) serves all of them. Babel knows the names too, for 10 ms and 5 MB of every start.
"""

from __future__ import annotations

NATIVE_NAMES = {
    "bg": "български",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en-GB": "English, UK",
    "es": "Español",
    "es-419": "Español, LATAM",
    "es-ES": "Español, España",
    "fi": "Suomi",
    "fr": "Français",
    "hi": "हिन्दी",
    "hr": "Hrvatski",
    "hu": "Magyar",
    "id": "Bahasa Indonesia",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "lt": "Lietuviškai",
    "nl": "Nederlands",
    "no": "Norsk",
    "pl": "Polski",
    "pt": "Português",
    "pt-BR": "Português do Brasil",
    "ro": "Română",
    "ru": "Русский",
    "sv": "Svenska",
    "sv-SE": "Svenska",
    "th": "ไทย",
    "tr": "Türkçe",
    "uk": "Українська",
    "vi": "Tiếng Việt",
    "zh": "中文",
    "zh-CN": "中文",
    "zh-TW": "繁體中文",
}
