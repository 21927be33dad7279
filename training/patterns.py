"""Rhythms by name: drum grooves, chord rhythms and bass lines, one character a sixteenth."""

from __future__ import annotations

from dataclasses import dataclass

from bot.engines.score.format import drum_token


@dataclass(frozen=True, slots=True)
class Groove:
    """One bar of drums.

    kick: x full, o soft.  snare: s full, g ghost, c clap or rim.
    cymbal: h soft hat, H hat, o open hat, r ride, c crash, s shaker.  extra: l low tom, t high tom, p
    percussion.
    """

    kick: str
    snare: str = ""
    cymbal: str = ""
    extra: str = ""

    def tokens(self, steps: int) -> list[int]:
        """Return the bar as drum tokens, one a step."""

        def states(text: str, letters: str) -> list[int]:
            text = text.ljust(steps, ".")
            return [letters.find(letter) + 1 for letter in text[:steps]]

        return [
            drum_token(*parts)
            for parts in zip(
                states(self.kick, "ox"),
                states(self.snare, "gsc"),
                states(self.cymbal, "hHorcs"),
                states(self.extra, "ltp"),
                strict=True,
            )
        ]


G = Groove
GROOVES: dict[str, tuple[Groove, ...]] = {
    "four on the floor": (
        G("x...x...x...x...", "....c.......c...", "..o...o...o...o."),
        G("x...x...x...x...", "....c.......c...", "h.o.h.o.h.o.h.o.", "...p......p....."),
        G("x...x...x...x..o", "....c.......c..g", "s.ohs.ohs.ohs.oh"),
        G("x...x...x...x...", "....c.......c...", "hhohhhohhhohhhoh", "..p..p....p..p.."),
    ),
    "techno": (
        G("x...x...x...x...", "............c...", "..H...H...H...H."),
        G("x...x...x...x...", "", "hhHhhhHhhhHhhhHh", "......t.......l."),
        G("x...x...x...x.o.", "....c.......c...", "..o...o...o...o.", "...p..p..p..p..p"),
        G("x...x...x...x...", ".......g.......g", "rhHhrhHhrhHhrhHh", "...l......l....."),
    ),
    "boom bap": (
        G("x......x..x.....", "....s.......s...", "h.h.h.h.h.h.h.h."),
        G("x..x......x.....", "....s..g....s...", "h.h.h.hhh.h.h.o."),
        G("x.....x.x.......", "....s.......s..g", "hhh.h.h.h.h.hhh."),
        G("x......o..x...o.", "....c.......c...", "s.s.s.s.s.s.s.s."),
    ),
    "rock": (
        G("x.......x.......", "....s.......s...", "H.h.H.h.H.h.H.h."),
        G("x.....x.x.......", "....s.......s...", "H.H.H.H.H.H.H.H."),
        G("x.x...x.x.x.....", "....s.......s...", "H.H.H.H.H.H.H.o."),
        G("x..x..x.x..x....", "....s.......s..g", "r.r.r.r.r.r.r.r."),
    ),
    "swing": (
        G("o.......o.......", "............g...", "r...r.r.r...r.r."),
        G("o......o..o.....", "....g.....g.....", "r...r.r.r...r.r."),
        G("o...o...o...o...", "......g.......g.", "r...r.r.r...r.r."),
        G("o.......o.....o.", "...g....s.......", "r.r.r...r.r.r..."),
    ),
    "brushes": (
        G("o.......o.......", "g.gsg.g.g.gsg.g.", "....h.......h..."),
        G("o.........o.....", "g...s...g...s...", "r...h...r...h..."),
        G("o.......o..o....", "..g.s..g..g.s...", "....h.......h..."),
    ),
    "trap": (
        G("x.........x.....", "........c.......", "H.h.H.h.H.h.Hhhh"),
        G("x.....x.........", "........s.......", "H.h.hhh.H.h.HhHh", "..........p....."),
        G("x..x......x..x..", "........c......g", "HhhhH.h.H.hhHhhh"),
        G("x......x..x.....", "........s.......", "H.hhH.h.HhhhH.o."),
    ),
    "one drop": (
        G("........x.......", "........c.......", "h.h.h.h.h.h.h.h."),
        G("........x.......", "........c...g...", "..H...H...H...Ho"),
        G("........x.....o.", "........s.......", "h.H.h.H.h.H.h.H.", "..............p."),
        G("x.......x.......", "........c.......", "h.h.h.hhh.h.h.o."),
    ),
    "funk": (
        G("x.x....x..x.....", "....s..g.g..s..g", "H.h.H.h.H.h.H.h."),
        G("x..x..x...x..x..", "....s..g....s.g.", "HhhhHhhhHhhhHhhh"),
        G("x.....x.x.x.....", "....s..g.g.gs...", "H.HhH.o.H.HhH.h."),
        G("x..x...x..x....x", "....s.g..g..s..g", "H.h.H.h.H.h.H.o.", "......p.......p."),
    ),
    "breakbeat": (
        G("x.x.......x.....", "....s..g.g..s...", "H.H.H.H.H.H.H.H."),
        G("x.........x.....", "....s..g..g.s..g", "r.H.r.H.r.H.r.H."),
        G("x.x...x...xx....", "....s..g.g....s.", "H.H.H.H.H.H.H.o."),
        G("x..x......x..x..", "....s.g..g..s.g.", "HhHhHhHhHhHhHhHh"),
    ),
    "bossa": (
        G("x..ox..ox..ox..o", "c..c..c...c..c..", "s.s.s.s.s.s.s.s."),
        G("x..ox..ox..ox..o", "..c...c...c..c..", "ssssssssssssssss"),
        G("x..o...ox..o...o", "c..c...c..c.c...", "h.h.h.h.h.h.h.h."),
    ),
    "epic": (
        G("x.......x.......", "", "", "....l..l....l.tt"),
        G("x..x..x.x..x..x.", "", "", "..........l.l.t."),
        G("x.....x...x.x...", "........s...ssss", "", "..l...l...l...l."),
        G("x.......x...x...", "s..ss.s.s..ss.s.", ""),
    ),
    "battle": (
        G("x.x.x.x.x.x.x.x.", "....s.......s...", "r.r.r.r.r.r.r.r."),
        G("xx..xx..xx..xx..", "....s.......s..s", "H.H.H.H.H.H.H.H.", "..l...l...l...l."),
        G("x.xxx.xxx.xxx.xx", "....s.......s...", "r...r...r...r..."),
        G("x..x..x.x..x..x.", "....s..s....s.ss", "H.H.H.H.H.H.H.H."),
    ),
    "sparse hits": (
        G("x...............", "", ""),
        G("................", "", "", "..........l....."),
        G("o...............", "", "............h..."),
        G("x.............o.", "", ""),
    ),
    "claps": (
        G("x...x...x...x...", "....c.......c...", "s.s.s.s.s.s.s.s."),
        G("x.....x.x.......", "....c.......c...", "..s...s...s...s."),
        G("x.......x.x.....", "....c..c....c...", "s.s.s.s.s.s.s.s.", "..............p."),
        G("x...x...x...x...", "....c.......c.c.", "h.s.h.s.h.s.h.s."),
    ),
    "chip": (
        G("x...x...x...x...", "....s.......s...", "h.h.h.h.h.h.h.h."),
        G("x.x.....x.x.....", "....s.......s...", "hhhhhhhhhhhhhhhh"),
        G("x..x..x.x..x....", "....s.......s.ss", "h.h.h.h.h.h.h.h."),
        G("x...x...x...x.x.", "....s..s....s...", "h.hhh.hhh.hhh.hh"),
    ),
    "synth beat": (
        G("x...x...x...x...", "....s.......s...", "h.h.h.h.h.h.h.h."),
        G("x.....x.x.......", "....s.......s...", "hhhhhhhhhhhhhhhh"),
        G("x...x...x...x...", "....s.......s...", "h.o.h.o.h.o.h.o.", "..............tl"),
        G("x..x....x..x....", "....s.......s...", "H.h.H.h.H.h.H.h."),
    ),
    "hand drums": (
        G("x.......x.......", "....s..g....s...", "s.s.s.s.s.s.s.s."),
        G("x..o..x...o.x...", "....g.s..g....s.", "s...s...s...s..."),
        G("x.....o.x.......", "...g..s....g..s.", "", "..t.......l....."),
    ),
    "slow drums": (
        G("x...............", "", "", "........l......."),
        G("o.......o.......", "", "s...s...s...s..."),
        G("x...............", "........g.......", ""),
    ),
    "glitch": (
        G("x.....x....x....", "....s.....g.s...", "h..hh..h.h..hhh.", "..........p....t"),
        G("x..x......x.....", "......s.....s.g.", "hh.h.hh.h..h.h.h", ".p.....l......p."),
        G("x......xx.......", "....c..g...c....", "h.h..hhhh..h.h.h", "...t......l....."),
    ),
    "train": (
        G("x...x...x...x...", "g.gsg.gsg.gsg.gs", ""),
        G("x.......x.......", "....c.......c...", "s.s.s.s.s.s.s.s."),
        G("x...o...x...o...", "....s.......s...", "h.h.h.h.h.h.h.h."),
    ),
    "waltz": (
        G("x...........", "....g...g...", "....h...h..."),
        G("o...........", "", "r...h...h..."),
        G("x.........o.", "....c...c...", "s...s...s..."),
    ),
}
FILLS = (
    Groove("", "s.ss", "", "...."),
    Groove("", "ssss", ""),
    Groove("", "", "", "ttll"),
    Groove("x.x.", "..s.", "", "t..l"),
)
"""The last beat of a phrase."""

CHORD_RHYTHMS: dict[str, tuple[str, ...]] = {
    "whole": ("X---------------", "x---------------"),
    "half": ("X-------x-------", "X-------X-------"),
    "quarter": ("X---x---X---x---", "x---x---x---x---"),
    "lazy": ("X-----..x-------", "X------x--------", "X-----x---x-----", "x-------..x---x-"),
    "offbeat": ("..X-..X-..X-..X-", "..X...X...X...X."),
    "house": ("X--x--x-..x--x--", "X..X..X...X..X..", "..X--X--..X--X--", "x..X..x..X..x.X."),
    "stab": ("...X......X.....", "X.....X.........", "..........X..X..", "X..X..X........."),
    "comp": (
        "X-....x-..x-....",
        "..x-....X-....x-",
        "x-..X-....x-....",
        "....X-x-......X-",
        "X--...x---....x-",
    ),
    "skank": ("....X.......X...", "....Xx......Xx..", "....X.......X.x."),
    "eighths": ("X.x.X.x.X.x.X.x.", "X-x-x-x-X-x-x-x-", "X-x-X-x-X-x-X-X-"),
    "power": ("X---------X-X---", "X-X-X-X-X-X-X-X-", "X-----X-----X-X-", "X..XX..XX..XX.X."),
    "strum": ("X---x-x-..x-x-x-", "X-x-x---X-x-x-x-", "X---x-x-X---x-x-", "X---X-x-..x-X-x-"),
    "funk": ("X.x..x.X..x.x..x", "..x.X..x..x.X...", "X..x..x..x..X.x.", "....x.X.....x.X."),
    "bossa": ("X--X--X---X--X--", "x--X--x-..X--X--", "X--x---x--X-x---"),
    "pulse": ("x.x.x.x.x.x.x.x.", "X.x.x.X.x.x.X.x.", "xxxxxxxxxxxxxxxx"),
    "gallop": ("X.xxX.xxX.xxX.xx", "X..X..X.X..X..X.", "X---X-X-X---X-X-"),
    "ballad": ("X---x---x---x---", "X-------x---x---", "X-----x-x-----x-"),
    "waltz": ("....x---x---", "....X.x.x...", "....x-..x-.."),
    "waltz whole": ("X-----------", "X-------x---"),
}
BASS_LINES: dict[str, tuple[str, ...]] = {
    "whole": ("R---------------", "r---------------"),
    "half": ("R-------R-------", "R-------5-------"),
    "lazy": ("R-----..5---R-..", "R------R--5-----", "R---..5-....8-a-", "R-----r---5---a-"),
    "eighths": ("R.R.R.R.R.R.R.R.", "R-r-R-r-R-r-R-a-", "R-R-R-R-R-R-5-a-"),
    "octaves": ("R.8.R.8.R.8.R.8.", "..R...8...R...8.", "R.8.R.8.R.8.5.a."),
    "sixteenths": ("RrRrRrRrRrRrRrRr", "R.rrR.rrR.rrR.rr", "Rr8rRr8rRr8rRr8r"),
    "house": ("..R...R...R..R..", "R..R..8...R..5..", "..R-..R-..8-..R.", "R...r.R...R.8.R."),
    "acid": ("R.rR8.rR.R8rR.8r", "RrR.8rR.3.R.8r5.", "R.R8.rR.R.8R.r3."),
    "808": ("R---------R-----", "R-----R---------", "R--R------5-----", "R-----------8-R-"),
    "dub": ("R--.R-..5--.R-..", "R-....R-..3-5-..", "..R-R-....5-8-..", "R---..R-3-..5-.."),
    "slap": ("R.R.8..R..8.R.a.", "R..8R.r.5.8.R..a", "R.r8..R.r.8.7.8.", "R..R.8..R.r.8.5."),
    "root fifth": ("R---....5---....", "R---..R-5---....", "R-------5-------"),
    "bossa": ("R-----R-5-----5-", "R-----5-5-----R-", "R-----R-5---..a-"),
    "rock": ("R-R-R-R-R-R-R-R-", "R---R-R-R---R-5-", "R-RRR-R-R-R-5-a-"),
    "gallop": ("R.RRR.RRR.RRR.RR", "R.RRR.RR8.RRR.RR"),
    "reese": ("R---------R-----", "R-----R-----5---", "R-------..R---a-"),
    "drone": ("R---------------", "----------------"),
    "waltz": ("R---........", "R---....5...", "R-----------"),
}
