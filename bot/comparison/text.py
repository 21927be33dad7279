"""A comparison as a page of markdown and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from statistics import fmean, stdev
from typing import Any

from bot.comparison.results import (
    ENOUGH,
    PUBLISHED,
    PUBLISHED_ON,
    PUBLISHED_SMALLER_SPREAD,
    Comparison,
    ModelFound,
)
from bot.locale import mark, ntr, tr
from bot.markdown import quoted
from bot.recipe import PROMPT_CHARACTERS

NOT_MEASURED = mark("n/a")


def to_json(found: Comparison) -> dict[str, Any]:
    """Return all figures, those of the models by their names."""
    data = asdict(found)
    for one, model in zip(data["models"], found.models, strict=True):
        one["seconds"] = {f"{length:g}": times for length, times in model.seconds.items()}
        one["growth_exponent"] = one.pop("exponent")
        one["enough_steps"] = model.enough_steps
    data["published"] = {mode: asdict(one) for mode, one in PUBLISHED.items()}
    return data


def to_markdown(found: Comparison) -> str:
    """Return a table with a column for each model and for each mode's published figures."""
    published = [(mode, PUBLISHED[mode]) for mode in dict.fromkeys(one.mode for one in found.models)]
    heads = [f"{one.mode}: {one.name}" for one in found.models]
    heads += [f"{tr('published')}, {mode}" for mode, _ in published]
    rows = [heads]
    lengths = sorted({length for one in found.models for length in one.seconds})
    labels = [tr("measured")]

    def row(label: str, ours: list[str], theirs: list[str] | None = None) -> None:
        labels.append(label)
        rows.append(ours + (theirs or [tr(NOT_MEASURED)] * len(published)))

    row(tr("memory, steady"), [_gb(one.steady_gb) for one in found.models])
    row(
        tr("memory, peak"),
        [_gb(one.peak_gb) for one in found.models],
        [_gb(one.memory_gb) for _, one in published],
    )
    if any(one.gpu_gb is not None for one in found.models):
        row(tr("GPU memory, peak"), [_gb(one.gpu_gb) for one in found.models])
    for length in lengths:
        theirs = []
        for _, one in published:
            mean = one.seconds.get(length)
            sign = f" ± {one.deviation:g}" if length == 20 else ""
            theirs.append(tr(NOT_MEASURED) if mean is None else f"{mean:g}{sign} s")
        row(
            tr("time for {length:g} s", length=length),
            [_time(one.seconds.get(length)) for one in found.models],
            theirs,
        )
    row(tr("growth exponent"), [_number(one.exponent, "{:.2f}") for one in found.models])
    row(tr("spread over seeds"), [f"{one.spread:.2f} dB" for one in found.models])
    row(tr("energy, 200–500 Hz"), [_percent([s.low_mids for s in one.sounds]) for one in found.models])
    row(tr("tempo drift"), [_percent([s.tempo_drift for s in one.sounds]) for one in found.models])
    row(tr("loudness range"), [_mean([s.loudness_range for s in one.sounds], "LU") for one in found.models])
    row(tr("follows the prompt"), [_percent([s.follows for s in one.sounds]) for one in found.models])
    lines = [
        tr(
            "“{prompt}” on {processor}, {seeds}. The published figures are from {published_on}.",
            prompt=quoted(found.prompt, PROMPT_CHARACTERS),
            processor=found.processor,
            seeds=ntr("{count} seed", "{count} seeds", len(found.seeds)),
            published_on=tr(PUBLISHED_ON),
        ),
        "",
        *_table(labels, rows),
    ]
    if (difference := _spread_difference(found.models)) is not None:
        values = {"share": 100 * abs(difference), "published": 100 * PUBLISHED_SMALLER_SPREAD}
        if difference >= 0:
            words = tr(
                "The spread of diffusion is {share:.0f} % smaller than that of ar here; published: "
                "{published:.0f} % smaller.",
                **values,
            )
        else:
            words = tr(
                "The spread of diffusion is {share:.0f} % larger than that of ar here; published: "
                "{published:.0f} % smaller.",
                **values,
            )
        lines += ["", words]
    notes = _left_out(found)
    lines += ["", *notes] if notes else []
    for model in found.models:
        if model.steps:
            lines += ["", *_sweep(model)]
    return "\n".join(lines) + "\n"


def _left_out(found: Comparison) -> list[str]:
    """Return what the rows that were not measured would need."""
    notes = []
    if any(one.peak_gb is None for one in found.models):
        notes.append(
            tr("Memory is left out where the worker had several models loaded, or the system is not Linux.")
        )
    if all(one.gpu_gb is None for one in found.models):
        notes.append(tr("Memory of a GPU is left out: no model was measured alone on one."))
    if all(sound.follows is None for one in found.models for sound in one.sounds):
        notes.append(
            tr("The prompt names no scene or instrument that the judge knows, so it can't be followed.")
        )
    return notes


def _sweep(model: ModelFound) -> list[str]:
    """Return the table of a model's steps, and from which number on more of them change little."""
    points = [
        [str(p.steps), f"{p.seconds:.2f} s", f"{p.distance:.2f} dB", _percent([p.follows])]
        for p in model.steps
    ]
    rows = [[tr("time"), tr("distance"), tr("follows the prompt")], *(point[1:] for point in points)]
    most, enough = model.steps[-1], model.enough_steps
    advice = (
        tr("No smaller number comes near it.") if model.spread > 0 else tr("One seed alone gives no advice.")
    )
    if enough is not None and enough < most.steps:
        used = next(point for point in model.steps if point.steps == enough)
        advice = tr(
            "From {enough} steps on, more of them change a clip by less than {share:.0f} % of what another "
            "seed does ({decibels:.2f} dB): {most} steps cost {times:.1f} times as much.",
            enough=enough,
            share=100 * ENOUGH,
            decibels=ENOUGH * model.spread,
            most=most.steps,
            times=most.seconds / used.seconds,
        )
    about = tr("Steps of {model}: the distance is to the clip with the most steps.", model=model.name)
    return [
        f"{about} {advice}",
        "",
        *_table([tr("steps"), *(point[0] for point in points)], rows),
    ]


def _table(labels: list[str], rows: list[list[str]]) -> list[str]:
    lines = [f"| {' | '.join([label, *cells])} |" for label, cells in zip(labels, rows, strict=True)]
    return [lines[0], "|" + "---|" * (len(rows[0]) + 1), *lines[1:]]


def _spread_difference(models: list[ModelFound]) -> float | None:
    """Return by which share the spread of the first diffusion model is smaller than that of the first ar."""
    by_mode = {one.mode: one.spread for one in reversed(models)}
    if not by_mode.get("ar") or "diffusion" not in by_mode:
        return None
    return 1 - by_mode["diffusion"] / by_mode["ar"]


def _gb(value: float | None) -> str:
    return _number(value, "{:.1f} GB")


def _number(value: float | None, form: str) -> str:
    return tr(NOT_MEASURED) if value is None else form.format(value)


def _time(times: list[float] | None) -> str:
    return _mean(times or [], "s", 2)


def _percent(values: list[float | None]) -> str:
    return _mean([100 * value for value in values if value is not None], "%")


def _mean(values: list[float], unit: str, digits: int = 1) -> str:
    if not values:
        return tr(NOT_MEASURED)
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{deviation} {unit}"
