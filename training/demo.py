"""Make the clips of the README: `python -m training.demo docs/listen`.

Each is what `antiphon generate` makes of its prompt with seed 7, whatever that is, as an MP3 of 96 kbit/s to
keep the repository small. All of them are one MP4 with their pictures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from bot.audio.ffmpeg import executable

SECONDS, SEED, KBPS = 12, 7, 96
CLIPS = {
    "lofi-ar": ("mellow lofi hip hop for late night studying", "ar"),
    "chiptune-ar": ("bouncy chiptune for a platform game level", "ar"),
    "epic-ar": ("heroic movie trailer music with choir", "ar"),
    "techno-diffusion": ("driving dark techno at 130 bpm", "diffusion"),
}
"""Prompt and mode by the file's name."""
SIZE = (800, 174)
"""Of a picture in the MP4, in pixels."""


def generate(name: str, folder: Path) -> None:
    """Make a clip as a lossless file with its picture, by the command that docs/listen.md prints."""
    prompt, mode = CLIPS[name]
    options = ["--mode", mode, "--seconds", str(SECONDS), "--seed", str(SEED)]
    files = ["-o", str(folder / f"{name}.flac"), "--picture", str(folder / f"{name}.png")]
    subprocess.run([sys.executable, "-m", "bot", "generate", prompt, *options, *files], check=True)


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg without questions; raises CalledProcessError."""
    subprocess.run([executable(), "-y", "-loglevel", "error", *map(str, arguments)], check=True)


def film(folder: Path, target: Path) -> None:
    """Write the clips in `folder`, one after the other with their pictures, as an MP4."""
    inputs: list[str | Path] = []
    for name in CLIPS:
        inputs += ["-loop", "1", "-framerate", "2", "-t", str(SECONDS), "-i", folder / f"{name}.png"]
        inputs += ["-i", folder / f"{name}.flac"]
    width, height = SIZE
    sized = "".join(f"[{2 * n}:v]scale={width}:{height},setsar=1[v{n}];" for n in range(len(CLIPS)))
    joined = "".join(f"[v{n}][{2 * n + 1}:a]" for n in range(len(CLIPS)))
    graph = f"{sized}{joined}concat=n={len(CLIPS)}:v=1:a=1[v][a]"
    ffmpeg(
        *inputs, "-filter_complex", graph, "-map", "[v]", "-map", "[a]", "-c:v", "libx264",
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", f"{KBPS}k", "-movflags", "+faststart", target,
    )  # fmt: skip


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description="Make the clips of the README.")
    parser.add_argument("folder", type=Path)
    target = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip in CLIPS:
            generate(clip, folder)
            ffmpeg("-i", folder / f"{clip}.flac", "-map", "a", "-b:a", f"{KBPS}k", target / f"{clip}.mp3")
        film(folder, target / "listen.mp4")


if __name__ == "__main__":
    main()
