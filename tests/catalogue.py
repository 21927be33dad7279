"""The texts of the program in the catalogues of bot/locale: `python -m tests.catalogue [LANGUAGE …]`.

It adds new texts to a catalogue, with an empty translation, and takes those away that the program no longer
has; for a new language it writes the file. A text whose English changed is offered with its old translation,
marked as fuzzy, which the tests do not let pass.

What counts as a text: the first argument of `tr` and `mark`, the forms of `ntr`, the sentences of errors that
members see, the texts of refusals, and what tables and commands declare (DECLARED, `label` of a button).
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from bot.catalogue_compiler import forms, read
from bot.translations import FOLDER, files

ROOT = Path(__file__).parents[1]
WIDTH = 110
SENTENCES = {
    "tr": 0,
    "mark": 0,
    "UserError": 0,
    "InvalidRecipe": 0,
    "NotAllowed": 0,
    "LimitReached": 0,
    "NotFound": 0,
    "Unsupported": 0,
    "InvalidField": 1,
    "invalid": 0,
    "_invalid": 0,
}
"""Functions and errors, each with the place of its English sentence among the arguments."""
_SHORT, _BUTTON, _LINE, _LONG = 45, 80, 100, 4_000
"""Discord's limits: labels and titles of forms; buttons; descriptions of commands and options, hints and
placeholders; anything else."""
_MENU = 32
DECLARED = {
    "Field": {"label": _SHORT, "hint": _LINE},
    "SelectField": {"label": _SHORT, "placeholder": _LINE},
    "Setting": {"label": _SHORT, "description": _LONG, "unset": _LINE, "unit": _LONG},
    "Option": {"title": _LONG, "description": _LINE, "if_empty": _LONG, "unit": _LONG},
    "command": {"description": _LINE},
    "Command": {"description": _LINE},
    "Group": {"description": _LINE},
    "ContextMenu": {"name": _MENU},
    "context_menu": {"name": _MENU},
}
"""Calls whose keyword arguments are texts, each with its limit in characters."""
EVERY_KEYWORD = ("describe",)
REFUSALS = ("Refusal",)
"""Calls all of whose constant arguments are texts."""
ENGLISH_ONLY = ("bot/cli", "bot/engines/", "cogs/admin/console.py")
"""Where texts stay English: the command line, the workers, the console of the bot's owner."""
ALL_THE_SAME = ("bot/engines/configured.py",)
Text = str | tuple[str, str]
Found = tuple[Text, int]
"""A text, and the characters that its translation may have."""


def texts() -> Catalog:
    """Return every text of the program, with the files that it stands in."""
    template = Catalog(project="Antiphon", charset="utf-8")
    for where, (text, _) in found():
        template.add(text, locations=[(where, 0)])
    return template


def found() -> Iterator[tuple[str, Found]]:
    """Yield every text of the program, with its file."""
    for path in sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("cogs/**/*.py")]):
        where = path.relative_to(ROOT).as_posix()
        if where.startswith(ENGLISH_ONLY) and where not in ALL_THE_SAME:
            continue
        for one in texts_of(path.read_text(encoding="utf-8")):
            yield where, one


def texts_of(source: str) -> Iterator[Found]:
    """Yield the texts of one file in their order."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield from ((label, _BUTTON) for label in _labels(node))
        elif isinstance(node, ast.Call):
            yield from ((text, limit) for text, limit in _of_call(node) if text)


def _of_call(node: ast.Call) -> Iterator[tuple[Text | None, int]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    constants = [_constant(one) for one in node.args]
    given = {one.arg: _constant(one.value) for one in node.keywords}
    if name in SENTENCES and len(constants) > SENTENCES[name]:
        yield constants[SENTENCES[name]], _LONG
    elif name == "ntr" and constants[0] and constants[1]:
        yield (constants[0], constants[1]), _LONG
    elif name == "open" and len(constants) > 1 and ast.unparse(node.args[0]) == "interaction":
        yield constants[1], _SHORT
    elif name in REFUSALS:
        yield from ((one, _LONG) for one in (*constants, given.get("reason"), given.get("help")))
    elif name in DECLARED:
        yield from ((given.get(key), limit) for key, limit in DECLARED[name].items())
    elif name in EVERY_KEYWORD:
        yield from ((one, _LINE) for one in given.values())


def _labels(node: ast.ClassDef) -> Iterator[str]:
    """Yield the label of a button's class."""
    for one in node.body:
        if isinstance(one, ast.Assign) and [ast.unparse(target) for target in one.targets] == ["label"]:
            yield from filter(None, [_constant(one.value)])


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def updated(language: str) -> Catalog:
    """Return a language's catalogue with the texts of the program, as it would be written."""
    path = FOLDER / f"{language}.po"
    if path.is_file():
        catalog = read(path)
    else:
        catalog = Catalog(locale=Locale.parse(language, sep="-"), project="Antiphon", charset="utf-8")
        catalog.fuzzy = False
    catalog.update(texts(), no_fuzzy_matching=False)
    catalog.obsolete.clear()
    return catalog


def written(catalog: Catalog) -> str:
    """Return a catalogue as a file: sorted, without line numbers and dates, which would only conflict."""
    file = io.BytesIO()
    write_po(file, catalog, width=WIDTH, sort_by_file=True, include_lineno=False, omit_header=True)
    body = file.getvalue().decode()
    head = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale_identifier}\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return head + body.strip() + "\n"


def main(languages: list[str]) -> None:
    """Write the catalogues of these languages, or of all that there are."""
    for language in languages or files():
        catalog = updated(language)
        (FOLDER / f"{language}.po").write_text(written(catalog), encoding="utf-8")
        missing = sum(not all(forms(one.string)) or one.fuzzy for one in catalog if one.id)
        print(f"{language}: {len(catalog)} texts, {missing} to translate")


if __name__ == "__main__":
    main(sys.argv[1:])
