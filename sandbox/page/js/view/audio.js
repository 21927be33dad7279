// A player around a real <audio>: play, seek, time, volume, download. One plays at a time.

import { fileSize, h, refill } from "../dom.js";
import { icon } from "../icons.js";
import { duration } from "../time.js";

const STEP = 5;
let current = null;

/** A player for an attachment: {id, filename, size, url, description}. */
export function audioPlayer(file, url) {
  const name = file.title ?? file.filename;
  const audio = h("audio", { preload: "metadata", src: url });
  const play = h("button", { type: "button", class: "audio-play" });
  const seek = h("input", { type: "range", class: "audio-seek", min: 0, max: 0, step: "any", value: 0, "aria-label": `Position in ${name}` });
  const time = h("span", { class: "audio-time", "aria-hidden": "true" });
  const volume = h("input", { type: "range", class: "audio-volume", min: 0, max: 1, step: 0.05, value: 1, "aria-label": "Volume" });
  const mute = h("button", { type: "button", class: "icon-button audio-mute" });
  const problem = h("p", { class: "audio-problem", role: "alert" });

  const showPlaying = () => {
    play.setAttribute("aria-label", `${audio.paused ? "Play" : "Pause"} ${name}`);
    refill(play, icon(audio.paused ? "play" : "pause"));
    element.classList.toggle("playing", !audio.paused);
  };
  const showTime = () => {
    const length = Number.isFinite(audio.duration) ? audio.duration : 0;
    seek.max = length;
    seek.value = audio.currentTime;
    seek.style.setProperty("--at", length ? audio.currentTime / length : 0);
    const words = `${duration(audio.currentTime)} / ${duration(audio.duration)}`;
    time.textContent = words;
    seek.setAttribute("aria-valuetext", words.replace("/", "of"));
  };
  const showVolume = () => {
    const silent = audio.muted || audio.volume === 0;
    mute.setAttribute("aria-label", silent ? "Unmute" : "Mute");
    refill(mute, icon(silent ? "muted" : "volume"));
    volume.value = audio.muted ? 0 : audio.volume;
    volume.style.setProperty("--at", volume.value);
  };
  const toggle = () => (audio.paused ? audio.play().catch(() => {}) : audio.pause());

  // While it plays the position moves every frame, not four times a second as timeupdate does.
  const follow = () => {
    showTime();
    if (!audio.paused) requestAnimationFrame(follow);
  };
  const listeners = {
    play: () => {
      if (current !== null && current !== audio) current.pause();
      current = audio;
      showPlaying();
      follow();
    },
    pause: showPlaying,
    ended: showPlaying,
    loadedmetadata: showTime,
    durationchange: showTime,
    timeupdate: showTime,
    volumechange: showVolume,
    error: () => {
      problem.textContent = "This file cannot be played here. You can still download it.";
    },
  };
  for (const [event, listener] of Object.entries(listeners)) audio.addEventListener(event, listener);
  play.addEventListener("click", toggle);
  seek.addEventListener("input", () => {
    audio.currentTime = Number(seek.value);
  });
  seek.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP }[event.key];
    if (move === undefined && event.key !== " ") return;
    event.preventDefault();
    if (move === undefined) toggle();
    else audio.currentTime = Math.min(Math.max(audio.currentTime + move, 0), audio.duration || 0);
    showTime();
  });
  volume.addEventListener("input", () => {
    audio.muted = false;
    audio.volume = Number(volume.value);
  });
  mute.addEventListener("click", () => {
    audio.muted = !audio.muted;
  });

  const element = h(
    "div",
    { class: "audio", role: "group", "aria-label": `Audio: ${name}`, "data-attachment": file.id },
    audio,
    h("div", { class: "audio-title" }, h("span", { class: "audio-name", title: file.filename }, name), h("span", { class: "audio-size" }, fileSize(file.size))),
    h(
      "div",
      { class: "audio-controls" },
      play,
      seek,
      time,
      mute,
      volume,
      h("a", { class: "icon-button", href: url, download: file.filename, "aria-label": `Download ${name}`, title: "Download" }, icon("download")),
    ),
    file.description && h("p", { class: "audio-description" }, file.description),
    problem,
  );
  showPlaying();
  showTime();
  showVolume();
  return element;
}
