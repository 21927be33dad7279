"""One clip measured, in a process of its own: it takes libraries and memory that the bot does without.

Run by `child.call`. The request is the clip's `path` and the comparison's `prompt`; the answer is a Sound.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from bot.audio import child
from bot.errors import AntiphonError


def main() -> None:
    """Answer one request."""
    request = json.loads(child.request())
    from bot.comparison.clip import ClipMeter

    try:
        answer = asdict(ClipMeter(request["prompt"]).measure(Path(request["path"])))
    except AntiphonError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
