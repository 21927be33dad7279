"""A leaderboard as text, for the picture's labels and for screen readers. No numpy."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, floor

from bot.arena.results import (
    MIN_DUELS,
    MIN_PEOPLE,
    Cell,
    Conclusion,
    Counts,
    Leaderboard,
    Needed,
    Strength,
    Unranked,
    WinRate,
)
from bot.recipe import Mode

RANKING_HEADING = "Models: votes won against the average model"


def span(low: float, high: float) -> str:
    """Return an interval of shares, 0 to 1, in whole percent, rounded outwards."""
    return f"{floor(100 * low + 1e-9)}–{ceil(100 * high - 1e-9)} %"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return "1 vote", "2 votes", "1,204 people"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def headline(rate: WinRate, needed: Needed) -> str:
    """Return what may be said of the whole, in one short line."""
    if rate.conclusion is Conclusion.TOO_FEW:
        return tally(rate.counts) if rate.counts.decisive else "No votes yet"
    if rate.conclusion is Conclusion.NOT_YET_KNOWN:
        return (
            f"Not yet known: {count(_rounded(needed.votes), 'more vote')}"
            if needed.votes
            else "Too close to call"
        )
    return finding(rate.conclusion, rate.low, rate.high)


def tally(counts: Counts) -> str:
    """Return the votes themselves, the mode ahead first: “ar 2 : 1 diffusion so far”."""
    ar, diffusion = (Mode.AR, counts.ar), (Mode.DIFFUSION, counts.diffusion)
    (first, most), (second, least) = (ar, diffusion) if counts.ar >= counts.diffusion else (diffusion, ar)
    return f"{first} {most:,} : {least:,} {second} so far"


def outlook(rate: WinRate, needed: Needed) -> str:
    """Return what the number in the headline means, or nothing where it has none."""
    if rate.conclusion is Conclusion.TOO_FEW:
        missing = (
            count(MIN_PEOPLE - rate.people, "more person", "more people") if rate.people < MIN_PEOPLE else "",
            count(MIN_DUELS - rate.duels, "more duel") if rate.duels < MIN_DUELS else "",
        )
        takes = " and ".join(filter(None, missing))
        return (
            f"Too few to call; it takes {takes}" if rate.counts.decisive else f"It takes {takes} to call it"
        )
    if rate.conclusion.known:
        return "of the votes that prefer one (95 % interval)"
    if not needed.votes:
        return ""
    return f"to see a 5-point lead, from {count(_rounded(needed.people), 'more person', 'more people')}"


def finding(said: Conclusion, low: float, high: float) -> str:
    """Return a conclusion with the interval of the leading mode: "diffusion wins 56–69 %"."""
    match said:
        case Conclusion.DIFFUSION:
            return f"{Mode.DIFFUSION} wins {span(low, high)}"
        case Conclusion.AR:
            return f"{Mode.AR} wins {span(1 - high, 1 - low)}"
        case Conclusion.EVEN:
            return f"About even: {span(low, high)}"
        case Conclusion.NOT_YET_KNOWN:
            return "Not yet known"
        case Conclusion.TOO_FEW:
            return "Too few votes"


def _rounded(number: int) -> int:
    """Two figures are all a forecast is good for."""
    scale = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // scale) * scale


def detail(rate: WinRate) -> str:
    """Return how many voted, and the interval where there is one."""
    votes = count(rate.counts.decisive, "vote")
    who = f"{votes}, {count(rate.people, 'person', 'people')}, {count(rate.duels, 'duel')}"
    if rate.conclusion is Conclusion.TOO_FEW:
        return who
    return f"{who}. 95 % interval of diffusion's wins: {span(rate.low, rate.high)}"


def cell_line(cell: Cell) -> str:
    """Return one row of a breakdown in words."""
    return f"{finding(cell.conclusion, cell.low, cell.high)} ({count(cell.counts.decisive, 'vote')})"


def strength_line(one: Strength) -> str:
    """Return one arm of a ranking in words."""
    return f"{arm_name(one)}: {strength_span(one)} ({_games(one)})"


def unranked_line(one: Unranked) -> str:
    """Return why an arm is not in the ranking, the reason first, because a picture cuts long names."""
    reasons = {one.losses: "No vote lost yet", one.wins: "No vote won yet"}
    return f"{reasons.get(0, 'Too few duels with the others')}: {arm_name(one)}"


def arm_name(one: Strength | Unranked) -> str:
    """Return a model's name with its mode."""
    return f"{one.arm.model} ({one.arm.mode})"


def strength_span(one: Strength) -> str:
    """Return the interval of an arm's wins against the average arm; a strength of 0 is 50 %."""
    return span(expit(one.low), expit(one.high)) if one.known else finding(Conclusion.TOO_FEW, 0, 1)


def expit(logit: float) -> float:
    """Return the share, 0 to 1, of a logit, which may be infinite."""
    return 1 / (1 + exp(-logit)) if logit >= 0 else 1 - 1 / (1 + exp(logit))


def _games(one: Strength | Unranked) -> str:
    return f"{count(one.wins, 'win')}, {count(one.losses, 'loss', 'losses')}"


def ranking_headline(ranking: Sequence[Strength]) -> str:
    """Return what may be said of the strongest model, in one short line."""
    first, *others = ranking
    if not first.known:
        return "Too few votes to rank them"
    if all(first.low > other.high for other in others):
        return f"Leading: {first.arm.model}"
    return "Not yet known which is best"


def turnout_line(board: Leaderboard) -> str:
    """Return how many votes a ranking is made of."""
    votes, duels = count(board.turnout.votes, "vote"), count(board.turnout.duels, "duel")
    return f"{votes} · {count(board.turnout.people, 'person', 'people')} · {duels}"


def footnotes(board: Leaderboard, *, ranking: bool = False) -> list[str]:
    """Return what else has to be known: arms left out, ties, the side, the votes that do not count.

    ranking: whether it stands below the models by strength, or below the win rate of the modes.
    """
    counts = board.turnout if ranking else board.overall.counts
    notes = [unranked_line(one) for one in board.unranked] if ranking else []
    where = "ranking" if ranking else "win rate"
    notes.append(f"Both good: {counts.both_good:,} · both bad: {counts.both_bad:,} (not in the {where})")
    side = board.side_bias
    if side.rate is not None and side.biased:
        notes.append(f"Side A wins {span(side.low, side.high)}, whatever stands there")
    if board.exclusions.excluded:
        notes.append(f"{count(board.exclusions.excluded, 'vote')} stored but not counted")
    return notes


def beside_picture(board: Leaderboard, group: str | None, drawn_rows: int) -> list[str]:
    """Return what the picture has no room for: the interval in numbers, and the rows after so many.

    group: the breakdown that is drawn; None for the models.
    """
    if group is None and board.strengths:
        return [strength_line(one) for one in board.strengths[drawn_rows:]]
    lines = []
    if board.overall.conclusion is Conclusion.NOT_YET_KNOWN:
        lines.append(f"95 % interval of diffusion's wins: {span(board.overall.low, board.overall.high)}")
    cells = next((found.cells for found in board.groups if found.name == group), ())
    return lines + [f"{cell.name}: {cell_line(cell)}" for cell in cells[drawn_rows:]]


def as_text(board: Leaderboard, limit: int = 4_000) -> str:
    """Return the leaderboard as text for screen readers, whole lines of at most `limit` characters in all."""
    lines = [board.title]
    if board.strengths:
        lines += [ranking_headline(board.strengths), f"{RANKING_HEADING}, 95 % intervals:"]
        lines += [strength_line(one) for one in board.strengths]
        lines += [turnout_line(board), *footnotes(board, ranking=True)]
        lines += ["", "The two modes:"] if board.overall.counts.total else []
    if board.overall.counts.total or not board.strengths:
        lines += [headline(board.overall, board.needed), outlook(board.overall, board.needed)]
        lines = [line for i, line in enumerate(lines) if line or not i or lines[i - 1]]
        lines += [detail(board.overall), *([] if board.strengths else footnotes(board))]
    for tagged in board.by_tag:
        name = tagged.tag.rpartition(":")[2]
        lines += ["", f"Models on {name}, {count(tagged.duels, 'duel')}:"]
        lines += [strength_line(one) for one in tagged.strengths]
    for group in board.groups:
        lines += ["", f"By {group.name}:"]
        lines += [f"{cell.name}: {cell_line(cell)}" for cell in group.cells]
    text = "\n".join(lines)
    if len(text) <= limit:
        return text
    ending = "\n… and more"
    return text[: limit - len(ending)].rsplit("\n", 1)[0] + ending
