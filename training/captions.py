"""Captions: many ways to say what is in a piece, and nothing that is not in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.engines.score.programs import KITS
from training.compose import Piece


@dataclass(frozen=True, slots=True)
class Words:
    """What people call one scene: names, moods, and places or sensations."""

    names: tuple[str, ...]
    moods: tuple[str, ...]
    places: tuple[str, ...]


def _w(names: str, moods: str, places: str) -> Words:
    return Words(*(tuple(x.strip() for x in text.split(",")) for text in (names, moods, places)))


WORDS: dict[str, Words] = {
    "cyberpunk": _w(
        "cyberpunk, cyberpunk synthwave, dark synthwave, retro futuristic electronic music, cyberpunk soundtrack, "
        "synthwave, dystopian electronica, outrun synth track, neon noir synths",
        "dark, gritty, futuristic, menacing, cold, edgy, sleek, dystopian",
        "neon city at night, hackers in a dark alley, flying cars over a megacity, a chase through neon streets, "
        "holograms and rain on chrome, a robot uprising, glowing skyline",
    ),
    "lofi": _w(
        "lofi, lo-fi hip hop, lofi hip hop, study lofi, chillhop, lofi beats, lofi study music, chill lofi beat, "
        "relaxed hip hop instrumental",
        "chill, mellow, cozy, dusty, relaxed, nostalgic, warm, sleepy, laid back",
        "late night studying, a cozy bedroom, homework on a quiet evening, coffee and a notebook, vinyl crackle, "
        "a warm desk lamp, old cassette tape",
    ),
    "epic film": _w(
        "epic film score, epic orchestral music, cinematic orchestra, movie trailer music, heroic film soundtrack, "
        "orchestral fantasy score, epic cinematic theme, blockbuster soundtrack",
        "epic, heroic, grand, majestic, powerful, triumphant, sweeping, noble",
        "an army marching to war, a hero on a mountain top, dragons over a kingdom, the final stand, "
        "a journey across vast lands, opening credits of an adventure film",
    ),
    "ambient": _w(
        "ambient, ambient pad, ambient music, drifting ambient soundscape, space ambient, atmospheric pads, drone ambient, "
        "slow evolving pads",
        "floating, ethereal, spacious, dreamy, weightless, calm, vast, slow",
        "drifting through space, clouds at dawn, a frozen lake, northern lights, a quiet galaxy, mist over a valley, "
        "endless sky",
    ),
    "sad violin": _w(
        "sad violin solo, violin solo, mournful violin, melancholy violin piece, lonely violin melody, weeping violin, "
        "sorrowful solo violin",
        "sad, mournful, heartbroken, tearful, lonely, sorrowful, tragic, melancholic",
        "a funeral, lost love, tears in an empty room, a farewell at the station, grief, an old photograph",
    ),
    "solo piano": _w(
        "solo piano, piano piece, piano solo, piano ballad, gentle piano music, piano melody, classical piano, "
        "neoclassical piano",
        "tender, intimate, reflective, gentle, emotional, thoughtful, romantic, delicate",
        "sunlight through a window, memories of childhood, a letter never sent, an empty concert hall, autumn leaves, "
        "a quiet morning",
    ),
    "jazz trio": _w(
        "jazz, jazz trio, swing jazz, bebop, jazz club music, smoky jazz combo, up tempo jazz, swinging jazz quartet",
        "swinging, smooth, lively, sophisticated, playful, smoky, cool",
        "a smoky jazz club, a late night bar, whiskey and cigars, new york in the fifties, a basement club, "
        "cocktails and a small stage",
    ),
    "techno": _w(
        "techno, dark techno, warehouse techno, acid techno, minimal techno, driving techno, berlin techno, rave techno, "
        "hard hypnotic techno",
        "driving, hypnotic, relentless, dark, mechanical, pounding, raw, industrial",
        "a warehouse rave, strobe lights, a basement club in berlin, machines pounding at four in the morning, "
        "a sweaty dance floor, a factory at night",
    ),
    "house": _w(
        "house, deep house, house music, classic house, funky house, piano house, chicago house, soulful house, disco house",
        "groovy, uplifting, soulful, bouncy, sunny, warm, feel good",
        "a beach party, a rooftop bar at sunset, summer in ibiza, poolside dancing, a disco ball, a sunny terrace",
    ),
    "chiptune": _w(
        "chiptune, 8 bit music, 8bit chiptune, retro video game music, nintendo style game music, arcade game tune, "
        "pixel game soundtrack, eight bit",
        "retro, bouncy, cheerful, pixelated, playful, energetic, nostalgic, bright",
        "a platform game level, an arcade machine, pixel heroes jumping, a handheld console, collecting coins, "
        "a retro game menu",
    ),
    "rock": _w(
        "rock, hard rock, guitar rock, garage rock, classic rock, rock band, heavy rock riff, punk rock, "
        "alternative rock",
        "loud, energetic, rebellious, gritty, heavy, raw, anthemic, wild",
        "a stadium crowd, a garage rehearsal, driving down the highway, a leather jacket and an amplifier, "
        "a sweaty concert",
    ),
    "folk": _w(
        "folk, acoustic folk, folk song, country folk, americana, campfire folk, indie folk, bluegrass, folk ballad",
        "warm, rustic, earthy, heartfelt, simple, hopeful, wholesome, homespun",
        "a campfire, a country road, wheat fields, a wooden porch, mountains and rivers, a village festival, "
        "a walk in the woods",
    ),
    "cello and harp": _w(
        "cello and harp duet, cello with harp, harp and cello, duet for cello and harp, chamber duet of cello and harp, "
        "cello melody over harp",
        "elegant, graceful, wistful, serene, melancholy, tender, pure, peaceful",
        "a candlelit chapel, a garden in the evening, swans on a lake, a wedding ceremony, moonlight on marble, "
        "a fairy tale",
    ),
    "trap": _w(
        "trap, trap beat, dark trap, hard trap beat, atlanta trap, rap beat, hip hop trap instrumental, drill beat, 808 trap",
        "hard, dark, menacing, cold, moody, aggressive, icy, heavy",
        "city streets at midnight, a tinted car, gold chains, a rap battle, street lights, counting money",
    ),
    "reggae": _w(
        "reggae, roots reggae, dub reggae, reggae groove, dub, jamaican reggae, laid back reggae, ska tinged reggae",
        "sunny, laid back, easygoing, chilled, positive, lazy, irie",
        "a beach in jamaica, palm trees, a hammock by the sea, island life, sunshine and smoke, kingston in the seventies",
    ),
    "funk": _w(
        "funk, funky groove, seventies funk, funk band, slap bass funk, disco funk, funk jam, soul funk, groovy funk",
        "funky, groovy, strutting, tight, sassy, energetic, danceable, cheeky",
        "a seventies dance floor, bell bottoms, a street parade, a car chase in a seventies film, platform shoes, "
        "a block party",
    ),
    "waltz": _w(
        "waltz, viennese waltz, ballroom waltz, waltz in three four time, elegant waltz, french waltz, musette waltz, "
        "three quarter time dance",
        "elegant, twirling, romantic, graceful, festive, nostalgic, charming",
        "a ballroom with chandeliers, couples spinning, paris by the seine, an imperial palace, a carousel, "
        "a masked ball",
    ),
    "meditation": _w(
        "meditation music, meditation, zen meditation, yoga music, spa music, mindfulness music, healing meditation, "
        "relaxation music",
        "serene, peaceful, calming, healing, still, spiritual, breathing, quiet",
        "a zen garden, a temple in the mountains, slow breathing, incense and candles, a yoga class, bamboo and water, "
        "inner peace",
    ),
    "horror": _w(
        "horror, horror soundtrack, creepy horror music, scary music, horror film score, haunted house music, "
        "psychological thriller score, nightmare music",
        "creepy, eerie, terrifying, sinister, unsettling, haunting, dread, tense",
        "an abandoned asylum, a haunted doll, footsteps in the dark, something under the bed, a cursed mansion, "
        "a ghost in the attic",
    ),
    "boss battle": _w(
        "boss battle, boss fight music, boss battle theme, final boss music, video game boss theme, battle music, "
        "epic boss fight, metal orchestral battle",
        "intense, furious, frantic, aggressive, desperate, fierce, thundering, relentless",
        "the final boss appears, swords clashing, a demon lord, the last phase of the fight, dodging fire, "
        "a duel to the death",
    ),
    "product launch": _w(
        "product launch music, corporate music, upbeat corporate, tech commercial music, startup promo, product video, "
        "motivational corporate background, advertising music",
        "uplifting, upbeat, inspiring, optimistic, confident, modern, clean, positive",
        "a new gadget reveal, a startup success story, smiling people in an office, innovation, a keynote presentation, "
        "a bright future",
    ),
    "rainy city": _w(
        "rainy night jazz, noir saxophone, film noir jazz, rainy city night, slow noir jazz, late night saxophone ballad, "
        "detective noir music, rainy tokyo night",
        "moody, lonely, noir, smoky, melancholic, sultry, wet, late night",
        "rain on the window, a detective in a trench coat, wet streets and taxi lights, umbrellas in the rain, "
        "a neon diner in the rain, walking home in the rain",
    ),
    "underwater glitch": _w(
        "underwater glitch, glitch, glitchy underwater electronica, glitch hop under water, aquatic idm, glitch ambient, "
        "deep sea electronica, submerged glitch",
        "submerged, murky, liquid, glitchy, strange, deep, bubbling, broken",
        "the deep ocean, a sunken machine, jellyfish and static, coral and circuits, bubbles rising, "
        "a broken signal under the sea",
    ),
    "podcast opener": _w(
        "podcast intro, podcast opener, podcast theme, talk show intro, quirky podcast jingle, youtube intro, "
        "radio show opener, light background for a podcast",
        "quirky, friendly, curious, playful, witty, light, catchy, casual",
        "welcome to the show, a conversation over coffee, two hosts joking, tech news of the week, story time, "
        "a curious mind",
    ),
    "bossa nova": _w(
        "bossa nova, bossa, brazilian bossa nova, latin jazz, samba guitar, bossa nova lounge, brazilian guitar music, "
        "cafe bossa",
        "breezy, gentle, romantic, sunny, suave, relaxed, light",
        "copacabana beach, a cafe in rio, a warm breeze, ipanema, a hotel lobby, sipping a cocktail by the pool",
    ),
    "drum and bass": _w(
        "drum and bass, dnb, jungle, liquid drum and bass, drum n bass, fast breakbeats, neurofunk, atmospheric jungle",
        "fast, rolling, energetic, frenetic, liquid, rushing, urgent",
        "a night bus through london, racing through a tunnel, a pirate radio station, running at full speed, "
        "a racing game",
    ),
    "baroque": _w(
        "baroque, baroque music, harpsichord piece, baroque concerto, bach style counterpoint, baroque chamber music, "
        "harpsichord and strings, early music",
        "ornate, stately, precise, courtly, refined, brilliant, dignified",
        "a royal court, powdered wigs, a palace garden, a cathedral in leipzig, noblemen at dinner, versailles",
    ),
    "lullaby": _w(
        "lullaby, music box lullaby, baby lullaby, bedtime music, nursery music box, cradle song, gentle lullaby",
        "soft, sleepy, innocent, sweet, soothing, tiny, tender, dreamy",
        "a baby falling asleep, a nursery at night, a teddy bear, stars above the cradle, a bedtime story, "
        "a toy ballerina",
    ),
}

SPOKEN: dict[str, tuple[str, ...]] = {
    "electric piano": ("electric piano", "rhodes", "rhodes piano", "keys"),
    "piano": ("piano", "grand piano"),
    "harp": ("harp",),
    "nylon guitar": ("nylon guitar", "classical guitar", "spanish guitar", "acoustic guitar"),
    "steel guitar": ("steel guitar", "acoustic guitar", "steel string guitar"),
    "clean guitar": ("clean guitar", "electric guitar", "clean electric guitar"),
    "muted guitar": ("muted guitar", "palm muted guitar"),
    "overdriven guitar": ("overdriven guitar", "electric guitar", "crunchy guitar", "lead guitar"),
    "distortion guitar": ("distorted guitar", "distortion guitar", "heavy guitars", "electric guitar"),
    "upright bass": ("upright bass", "double bass", "acoustic bass"),
    "finger bass": ("bass guitar", "electric bass", "bass"),
    "slap bass": ("slap bass",),
    "contrabass": ("contrabass", "double basses", "low strings"),
    "string ensemble": ("strings", "string ensemble", "full strings", "string section", "orchestra strings"),
    "slow strings": ("strings", "slow strings", "soft strings"),
    "tremolo strings": ("tremolo strings", "trembling strings", "nervous strings"),
    "pizzicato strings": ("pizzicato strings", "plucked strings", "pizzicato"),
    "choir": ("choir", "voices", "choral voices"),
    "brass section": ("brass", "brass section", "horns", "horn section"),
    "saxophone": ("saxophone", "sax", "tenor sax"),
    "french horn": ("french horn", "horn"),
    "organ": ("organ", "hammond organ"),
    "church organ": ("church organ", "pipe organ"),
    "glockenspiel": ("glockenspiel", "bells"),
    "tubular bells": ("tubular bells", "church bells", "bells"),
    "vibraphone": ("vibraphone", "vibes"),
    "kalimba": ("kalimba", "thumb piano"),
    "steel drums": ("steel drums", "steel pan"),
    "chip lead": ("chip lead", "square wave lead"),
    "chip pulse": ("pulse waves", "square waves"),
    "chip bass": ("chip bass", "triangle bass"),
    "saw lead": ("saw lead", "synth lead", "lead synth"),
    "supersaw": ("supersaw", "supersaws", "big synths"),
    "warm pad": ("warm pad", "synth pad", "pads", "warm pads"),
    "dark pad": ("dark pad", "dark pads", "synth pad"),
    "glass pad": ("glass pad", "shimmering pad", "glassy pads"),
    "synth bass": ("synth bass", "bass synth"),
    "sub bass": ("sub bass", "808 bass", "808", "deep bass"),
    "acid bass": ("acid bass", "303 bass", "acid line"),
    "reese bass": ("reese bass", "growling bass"),
    "synth bell": ("synth bells", "fm bells", "bell synth"),
    "synth pluck": ("synth pluck", "plucked synth", "plucks"),
    "glitch": ("glitches", "glitch sounds", "digital glitches"),
    "drums": ("drums", "beat", "percussion", "drum beat"),
}
NOTE_NAMES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
TEMPO_WORDS = (
    (68, ("very slow", "slow", "unhurried")),
    (92, ("slow", "slow paced", "relaxed tempo")),
    (112, ("mid tempo", "moderate tempo", "walking pace")),
    (138, ("upbeat", "lively tempo", "brisk")),
    (999, ("fast", "very fast", "high speed", "rapid")),
)
KIT_WORDS = {
    "brush kit": "brushed drums",
    "trap kit": "rolling hi hats",
    "orchestral kit": "orchestral drums",
    "hand percussion": "hand percussion",
    "acoustic kit": "live drums",
    "lofi kit": "dusty drums",
}


def caption(piece: Piece, rng: np.random.Generator) -> str:
    """Return one caption of a piece; guests from outside its scene are always named."""
    words = WORDS[piece.scene.name]
    named = _instruments(piece, rng)
    if piece.form == "sequence" and len(piece.entries) > 1 and rng.random() < 0.75:
        body = _sequence(piece, words, rng)
    else:
        body = _description(words, named, rng)
    extras = _extras(piece, words, rng)
    rng.shuffle(extras)
    text = body
    for extra in extras[: int(rng.integers(0, 4))]:
        text = (
            f"{extra}, {text}"
            if rng.random() < 0.15
            else text + str(rng.choice((", ", ", ", ". ", " "))) + extra
        )
    return text if rng.random() < 0.7 else text.capitalize()


def spoken(name: str, rng: np.random.Generator) -> str:
    """Return a way to say an instrument."""
    options = SPOKEN.get(name, (name,))
    return str(options[int(rng.integers(len(options)))])


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _instruments(piece: Piece, rng: np.random.Generator) -> list[str]:
    heard = [name for name in piece.instruments if name != "drums"]
    keep = int(rng.choice((0, 1, 2, 3), p=(0.3, 0.3, 0.25, 0.15)))
    names = list(rng.permutation(heard))[:keep]
    for guest in piece.guests:
        if guest in heard and guest not in names:
            names.append(guest)
    out = [spoken(str(name), rng) for name in names]
    if "drums" in piece.instruments and rng.random() < 0.12:
        kit = next(KITS[int(row[4])] for row in piece.score.programs if row[4])
        out.append(KIT_WORDS.get(kit, "drums") if rng.random() < 0.6 else spoken("drums", rng))
    return list(dict.fromkeys(out))


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _description(words: Words, named: list[str], rng: np.random.Generator) -> str:
    draw = rng.random()
    name, mood, place = (_pick(rng, options) for options in (words.names, words.moods, words.places))
    if draw < 0.22:
        body = name
    elif draw < 0.5:
        body = f"{mood} {name}"
    elif draw < 0.62:
        body = f"{name}, {mood} and {_pick(rng, words.moods)}"
    elif draw < 0.74:
        body = f"{name} for {place}"
    elif draw < 0.84:
        body = f"{mood} music like {place}"
    elif draw < 0.92:
        body = f"{place}, {mood}"
    else:
        verb = _pick(rng, ("create", "make", "compose", "write", "give me", "generate"))
        body = f"{verb} a {mood} {name} track"
    if named:
        joint = _pick(rng, (" with ", " with ", " featuring ", ", ", " played on ", " and "))
        body += joint + _listed(named)
    return body


def _sequence(piece: Piece, words: Words, rng: np.random.Generator) -> str:
    stages: list[tuple[int, list[str]]] = []
    for bar, _, name in piece.entries:
        if stages and stages[-1][0] == bar:
            stages[-1][1].append(spoken(name, rng))
        else:
            stages.append((bar, [spoken(name, rng)]))
    start = _pick(
        rng, ("start with", "starts with", "begin with", "opens with", "first", "beginning with", "intro of")
    )
    parts = []
    for number, (_, names) in enumerate(stages[:4]):
        shown = _listed(list(dict.fromkeys(names))[:2])
        if number == 0:
            mood = _pick(rng, words.moods) + " " if rng.random() < 0.3 else ""
            article = "a " if mood and rng.random() < 0.5 else ""
            parts.append(f"{start} {article}{mood}{shown}")
        elif number == min(3, len(stages) - 1):
            parts.append(
                _pick(rng, ("then add", "finally", "build to", "and finally", "then", "ending with"))
                + " "
                + shown
            )
        else:
            parts.append(
                _pick(rng, ("then", "then add", "add", "after that", "followed by", "bring in")) + " " + shown
            )
    sequence = _pick(rng, (", ", ", ", "; ")).join(parts)
    name = _pick(rng, words.names)
    return _pick(
        rng, (f"{name}, {sequence}", f"{name}: {sequence}", f"{sequence}, {name}", f"{name} that {sequence}")
    )


def _extras(piece: Piece, words: Words, rng: np.random.Generator) -> list[str]:
    bpm = piece.score.tempo
    out = []
    if rng.random() < 0.4:
        number = round(bpm)
        out.append(
            _pick(
                rng,
                (
                    f"{number} bpm",
                    f"at {number} bpm",
                    f"{number} beats per minute",
                    f"tempo {number}",
                    f"{number}bpm",
                ),
            )
        )
    else:
        out.append(_pick(rng, next(options for limit, options in TEMPO_WORDS if bpm < limit)))
    out.append(_pick(rng, words.moods))
    out.append(_pick(rng, words.places))
    if rng.random() < 0.2:
        side = (
            "minor"
            if piece.scale in ("minor", "harmonic minor", "phrygian", "dorian", "minor pentatonic", "blues")
            else "major"
        )
        out.append(f"in {NOTE_NAMES[piece.score.key]} {side}")
    if rng.random() < 0.2:
        shape = {
            "drop": "with a big drop",
            "arc": "that rises and falls",
            "layers": "slowly building",
            "song": "verse and chorus",
            "flat": "steady throughout",
        }.get(piece.form)
        if shape:
            out.append(shape)
    if rng.random() < 0.1 and not any(piece.score.programs[:, 4]):
        out.append(_pick(rng, ("no drums", "without drums", "no percussion")))
    if rng.random() < 0.08:
        out.append(_pick(rng, ("instrumental", "no vocals", "background music", "loop", "soundtrack")))
    return out
