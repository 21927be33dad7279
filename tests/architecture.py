"""Draw docs/architecture.svg from the imports of `bot/`, `cogs/`, `sandbox/`: `python -m tests.architecture`.

A package below `bot/` is a box, captioned by its docstring; `cogs/` and `sandbox/` are one box each. Single
modules of `bot/` are a box of their own where packages import them, else part of the command line, or of the
base, which imports nothing else. An arrow points at the imported package; one that follows from others is
left out. A dashed arrow is a module that is named by a string: started as a process, or loaded by its name.

Layout after Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures",
1981: layers by longest path, order within a layer by barycentres.
"""

from __future__ import annotations

import ast
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "architecture.svg"
COMMANDS, BASE = "command line", "base"

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 76, 20, 44, 24
CAPTION_CHARACTERS, CAPTION_LINES = 31, 3
SWEEPS = 24
"""Passes over the layers after which no order changes here."""

Graph = dict[str, set[str]]


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return dotted name → file of each module."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ("bot", "cogs", "sandbox")
        for path in sorted((root / package).rglob("*.py"))
    }


def imports(path: Path, known: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each of the `known` modules that a file imports, and whether it only names it in a string."""
    known = set(known)
    dotted = {name for name in known if "." in name}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if (target := name if name in known else node.module) in known:
                    yield target, False
        elif isinstance(node, ast.Constant) and node.value in dotted:
            yield str(node.value), True


def room(module: str, packages: set[str]) -> str:
    """Return the package below `bot/`, the single module, `cogs` or `sandbox` that a module belongs to."""
    top, _, rest = module.partition(".")
    if top != "bot":
        return top
    package = f"bot.{rest.partition('.')[0]}"
    return package if package in packages else module


def rooms(root: Path = ROOT) -> tuple[Graph, Graph]:
    """Return room → rooms that it imports, and room → rooms that it only names in a string."""
    files = modules(root)
    packages = {name for name, path in files.items() if path.name == "__init__.py" and name.count(".") == 1}
    imported: Graph = defaultdict(set)
    named: Graph = defaultdict(set)
    for module, path in files.items():
        source = room(module, packages)
        imported[source] |= set()
        for target, by_name in imports(path, files):
            if (other := room(target, packages)) != source:
                (named if by_name else imported)[source].add(other)
    return imported, {source: targets - imported[source] for source, targets in named.items()}


def packages_and_modules(root: Path = ROOT) -> Graph:
    """Return the imports among the packages and single modules of each of the three trees, `cogs` too."""
    files = modules(root)
    graph: Graph = defaultdict(set)
    for module, path in files.items():
        source = ".".join(module.split(".")[:2])
        for target, by_name in imports(path, files):
            if not by_name and (other := ".".join(target.split(".")[:2])) != source:
                graph[source].add(other)
    return graph


def ties(graph: Graph) -> list[tuple[str, str]]:
    """Return the pairs of rooms that import each other."""
    return sorted((a, b) for a in graph for b in graph[a] if a < b and a in graph.get(b, set()))


def reachable(graph: Graph, start: str) -> set[str]:
    """Return what `start` imports, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def grouped(imported: Graph, named: Graph) -> tuple[Graph, Graph, dict[str, list[str]]]:
    """Merge single modules into the command line and the base; return both graphs and group → members."""
    packages = {name for name in imported if (ROOT / name.replace(".", "/")).is_dir() and name != "bot"}
    singles = set(imported) - packages - {"bot"}
    base: set[str] = set()
    while new := {name for name in singles - base if imported[name] | named.get(name, set()) <= base}:
        base |= new
    importers = {
        name: {other for other in imported if name in imported[other]}
        | {o for o in named if name in named[o]}
        for name in singles
    }
    commands = {"bot.cli", "bot.program", "bot.running", "bot.__main__"}
    while new := {name for name in singles - base - commands if importers[name] <= commands}:
        commands |= new
    group = dict.fromkeys(commands, COMMANDS) | dict.fromkeys(base, BASE)

    def merged(graph: Graph) -> Graph:
        result: Graph = defaultdict(set)
        for source, targets in graph.items():
            if source == "bot":
                continue
            name = group.get(source, source)
            result[name] |= {group.get(target, target) for target in targets if target != "bot"} - {name}
        return dict(result)

    members = {
        COMMANDS: sorted(name.removeprefix("bot.") for name in commands - {"bot.__main__"}),
        BASE: sorted(name.removeprefix("bot.") for name in base),
    }
    return merged(imported), merged(named), members


def reduced(graph: Graph) -> Graph:
    """Return the graph without the arrows that follow from others."""
    return {
        source: {
            target
            for target in targets
            if not any(target in reachable(graph, other) for other in targets - {target})
        }
        for source, targets in graph.items()
    }


def layers(graph: Graph) -> dict[str, int]:
    """Return room → layer: 0 for the base, else one above the highest room that it imports."""
    depth: dict[str, int] = {}

    def of(name: str, above: tuple[str, ...] = ()) -> int:
        if name not in depth:
            below = [of(other, (*above, name)) for other in graph.get(name, ()) if other not in above]
            depth[name] = 0 if name == BASE else 1 + max(below, default=0)
        return depth[name]

    for name in sorted(graph):
        of(name)
    return depth


class Layout:
    """Positions of the boxes, and of the bends of arrows that cross a layer."""

    def __init__(self, graph: Graph, layer: dict[str, int]) -> None:
        self.paths: dict[tuple[str, str], list[str]] = {}
        self.rows: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
        self.neighbours: dict[str, set[str]] = defaultdict(set)
        for name in sorted(graph):
            self.rows[layer[name]].append(name)
        for source in sorted(graph):
            for target in sorted(graph[source]):
                bends = [
                    f"{source}>{target}@{level}" for level in range(layer[source] - 1, layer[target], -1)
                ]
                for bend in bends:
                    self.rows[int(bend.rpartition("@")[2])].append(bend)
                self.paths[source, target] = path = [source, *bends, target]
                for a, b in pairwise(path):
                    self.neighbours[a].add(b)
                    self.neighbours[b].add(a)
        self._order()
        self.width, self.x = self._place()

    def _order(self) -> None:
        for sweep in range(SWEEPS):
            rows = self.rows if sweep % 2 else self.rows[::-1]
            for fixed, row in pairwise(rows):
                place = {name: (index + 0.5) / len(fixed) for index, name in enumerate(fixed)}
                now = {name: (index + 0.5) / len(row) for index, name in enumerate(row)}

                def centre(name: str, place: dict[str, float] = place, now: dict[str, float] = now) -> float:
                    known = [place[other] for other in self.neighbours[name] if other in place]
                    return sum(known) / len(known) if known else now[name]

                row.sort(key=lambda name: (round(centre(name), 9), name))

    def _place(self) -> tuple[float, dict[str, float]]:
        """Return the picture's width and the centre of each box and bend, in pixels."""
        size = {name: GAP_X * 0.8 if "@" in name else BOX_WIDTH + GAP_X for row in self.rows for name in row}
        width = max(sum(size[name] for name in row) for row in self.rows) + 2 * MARGIN
        x: dict[str, float] = {}
        for row in self.rows:
            left = (width - sum(size[name] for name in row)) / 2
            for name in row:
                x[name] = left + size[name] / 2
                left += size[name]
        for _ in range(SWEEPS):
            for row in self.rows:
                wanted = {
                    name: sum(x[other] for other in self.neighbours[name]) / len(self.neighbours[name])
                    if self.neighbours[name]
                    else x[name]
                    for name in row
                }
                self._settle(row, wanted, size, width, x)
        return width, x

    @staticmethod
    def _settle(
        row: list[str], wanted: dict[str, float], size: dict[str, float], width: float, x: dict[str, float]
    ) -> None:
        """Move a row's boxes towards where they are wanted without changing their order or overlapping."""
        left = float(MARGIN)
        lower: list[float] = []
        for name in row:
            lower.append(left + size[name] / 2)
            left += size[name]
        slack = width - MARGIN - left
        shift = 0.0
        for name, least in zip(row, lower, strict=True):
            shift = min(max(shift, wanted[name] - least), slack)
            x[name] = least + shift


def caption(name: str, members: dict[str, list[str]]) -> str:
    """Return what a box says below its name."""
    if name in members:
        return ", ".join(members[name])
    path = ROOT / name.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].partition("; ")[0].rstrip(".:")


def draw(root: Path = ROOT) -> str:
    """Return the picture as SVG."""
    imported, named, members = grouped(*rooms(root))
    edges = {source: imported.get(source, set()) | named.get(source, set()) for source in {*imported, *named}}
    depth = layers(imported)
    down = {
        source: {target for target in targets if depth[target] < depth[source]}
        for source, targets in edges.items()
    }
    shown = reduced({source: targets - {BASE} for source, targets in down.items()})
    shown.pop(BASE)
    layout = Layout(shown, {name: depth[name] - 1 for name in shown})
    rows = len(layout.rows)
    height = MARGIN * 2 + rows * (BOX_HEIGHT + GAP_Y) + BOX_HEIGHT

    def y(name: str) -> float:
        level = int(name.rpartition("@")[2]) if "@" in name else depth[name] - 1
        return MARGIN + (rows - 1 - level) * (BOX_HEIGHT + GAP_Y)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:.0f} {height}" '
        f'width="{layout.width:.0f}" height="{height}" font-family="system-ui, sans-serif" role="img">',
        "<title>The packages of Antiphon and their imports</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z" fill="#5b6472"/></marker></defs>',
        f'<rect width="{layout.width:.0f}" height="{height}" fill="#ffffff"/>',
    ]
    for (source, target), path in layout.paths.items():
        dashed = target not in imported.get(source, set())
        points = [(layout.x[source], y(source) + BOX_HEIGHT)]
        for bend in path[1:-1]:
            points += [(layout.x[bend], y(bend)), (layout.x[bend], y(bend) + BOX_HEIGHT)]
        points.append((layout.x[target], y(target)))
        parts.append(_curve(points, dashed=dashed))
    parts += [
        _box(name, caption(name, members), layout.x[name] - BOX_WIDTH / 2, y(name), BOX_WIDTH)
        for name in sorted(shown)
    ]
    parts.append(
        _box(
            BASE,
            caption(BASE, members),
            MARGIN,
            height - MARGIN - BOX_HEIGHT,
            layout.width - 2 * MARGIN,
        )
    )
    return "\n".join([*parts, "</svg>", ""])


def _curve(points: list[tuple[float, float]], *, dashed: bool) -> str:
    line = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        middle = (y0 + y1) / 2
        curve = f"C{x0:.0f} {middle:.0f} {x1:.0f} {middle:.0f} {x1:.0f} {y1:.0f}"
        line += curve if index % 2 == 0 else f"V{y1:.0f}"
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path d="{line}" fill="none" stroke="#5b6472" stroke-width="1.3"{dash} marker-end="url(#head)"/>'


def _box(name: str, said: str, x: float, y: float, width: float) -> str:
    fill = {"cogs": "#e8edff", "sandbox": "#eaf7ee", BASE: "#f1f3f5", COMMANDS: "#fff3e0"}.get(
        name, "#f7f7fb"
    )
    title = f"{name.replace('.', '/')}{'/' if (ROOT / name.replace('.', '/')).is_dir() else ''}"
    lines = textwrap.wrap(said, int(CAPTION_CHARACTERS * width / BOX_WIDTH))
    if len(lines) > CAPTION_LINES:
        lines = textwrap.wrap(said, CAPTION_CHARACTERS, max_lines=CAPTION_LINES, placeholder=" …")
    middle = x + width / 2
    texts = [
        f'<text x="{middle:.0f}" y="{y + 20:.0f}" font-size="13" font-weight="600" fill="#1f2430" '
        f'text-anchor="middle">{escape(title)}</text>'
    ]
    texts += [
        f'<text x="{middle:.0f}" y="{y + 36 + 13 * index:.0f}" font-size="10.5" fill="#4a5160" '
        f'text-anchor="middle">{escape(line)}</text>'
        for index, line in enumerate(lines)
    ]
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX_HEIGHT}" rx="8" fill="{fill}" '
        f'stroke="#c3c9d4"/>{"".join(texts)}'
    )


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
