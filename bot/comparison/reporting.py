"""The page, the JSON and the picture of a comparison, made in a process of its own.

Run by `child.call`. The request has the `prompt`, the `processor`, the number of `seeds`, the `language` of
page and picture, and `clips`: a pair of the planned clip and what was measured of it for each. The answer has
`markdown`, `json` and `picture`, a PNG in base64; it is empty where nothing that counts was measured.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any

from bot.audio import child


def report(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the answer to a request. Models of which no clip counts are left out."""
    from bot.comparison.assemble import model_found
    from bot.comparison.picture import draw
    from bot.comparison.plan import Measured, Planned, Purpose
    from bot.comparison.results import Comparison
    from bot.comparison.text import to_json, to_markdown
    from bot.locale import ENGLISH, set_language
    from bot.translations import load

    if request["language"] != ENGLISH:
        load()
        set_language(request["language"])

    clips = [(Planned.from_dict(one), Measured.from_dict(found)) for one, found in request["clips"]]
    by_model: dict[str, list[tuple[Planned, Measured]]] = {}
    for one, found in clips:
        by_model.setdefault(one.recipe.model, []).append((one, found))
    comparison = Comparison(
        prompt=request["prompt"],
        processor=request["processor"],
        seeds=list(range(1, request["seeds"] + 1)),
        models=[
            model_found(measured)
            for measured in by_model.values()
            if any(one.purpose is Purpose.LENGTHS for one, _ in measured)
        ],
    )
    if not comparison.models:
        return {}
    return {
        "markdown": to_markdown(comparison),
        "json": json.dumps(to_json(comparison), ensure_ascii=False, indent=1),
        "picture": base64.b64encode(draw(comparison)).decode(),
    }


def main() -> None:
    """Answer one request."""
    sys.stdout.write(json.dumps(report(json.loads(child.request()))))


if __name__ == "__main__":
    main()
