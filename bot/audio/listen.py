"""Whether a stranger's file is audio with something to hear in it, in a process that it may crash.

Run by `child.run`; prints why it will not do, or nothing.
"""

from __future__ import annotations

from io import BytesIO

import soundfile

from bot.audio import child

RATES = range(8_000, 192_001)
"""Hz; from telephone to studio. Memory for resampling grows with what a header claims."""
CHANNELS = 2
SECONDS = 300
"""What an engine reads of a melody."""
_BLOCK = 65_536


def refusal(data: bytes) -> str:
    """Return the sentence that says what to change about a file, empty where it is good."""
    try:
        with soundfile.SoundFile(BytesIO(data)) as audio:
            rate = audio.samplerate
            if rate not in RATES or audio.channels > CHANNELS:
                return (
                    "The melody has to be mono or stereo, with a sample rate of "
                    f"{RATES[0]:,} to {RATES[-1]:,} Hz. Convert it, to an MP3 for one."
                )
            left = SECONDS * rate
            while left > 0 and len(block := audio.read(min(left, _BLOCK), dtype="float32")):
                if abs(block).max() > 0:
                    return ""
                left -= len(block)
    except soundfile.SoundFileError:
        return "The melody cannot be read as audio. Attach a WAV, FLAC, OGG or MP3 file."
    return "There is no sound in the melody. Attach a file in which a tune can be heard."


if __name__ == "__main__":
    print(refusal(child.request()))
