"""Where the states of a dialogue stand in its picture: in rows, by how many steps the beginning is away.

picture = of_flow(ENGINE.flows["sell"])
picture.boxes[0]     Box(node="title", words="title", x=…, y=…, width=…, kind="state")
picture.lines[0]     Curve(path="M 60 34 C …", is_back=False)

All lengths are in pixels. A state from which a conversation ends has a box of kind `end`, another dialogue one of kind
`flow`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from flows.kit.drawing import OUTSIDE, Arrow, arrows, entered
from flows.kit.flow import Flow

BoxKind = Literal["start", "state", "end", "flow"]

HEIGHT, GAP, BETWEEN_ROWS = 34, 22, 52
LETTER, PADDING, MARGIN = 8, 26, 28
TIP, ARC = 5, 24
WIDEST = 1100
"""A row that would be wider is broken."""
START_WORDS = "begin"


@dataclass(frozen=True, slots=True)
class Box:
    """A state; `x` and `y` are its upper left corner."""

    node: str
    words: str
    x: float
    y: float
    width: float
    kind: BoxKind

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Curve:
    """An arrow as an SVG path. `is_back` is true for one that leads up, or to its own row."""

    path: str
    is_back: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A dialogue, drawn."""

    width: float
    height: float
    boxes: Sequence[Box]
    lines: Sequence[Curve]


def of_flow(flow: Flow) -> Picture:
    """The picture of a flow."""
    all_arrows = list(arrows(flow))
    others = entered(flow)
    ends = {arrow.source for arrow in all_arrows if arrow.dest == OUTSIDE}
    moves = [arrow for arrow in all_arrows if arrow.dest != OUTSIDE]
    words = {node: f"to {name}" for node, name in others.items()} | {OUTSIDE: START_WORDS}
    widths = {node: _width(words.get(node, node)) for node in {*flow.states, *others, OUTSIDE}}
    rows = list(_rows(moves, widths))
    whole = max(sum(widths[node] + GAP for node in row) - GAP for row in rows)
    boxes: dict[str, Box] = {}
    for number, row in enumerate(rows):
        x = MARGIN + (whole - (sum(widths[node] + GAP for node in row) - GAP)) / 2
        for node in row:
            kind: BoxKind = "flow" if node in others else "end" if node in ends else "state"
            y = MARGIN + number * (HEIGHT + BETWEEN_ROWS)
            at_start = node == OUTSIDE
            boxes[node] = Box(node, words.get(node, node), x, y, widths[node], "start" if at_start else kind)
            x += widths[node] + GAP
    lines = [_line(boxes[arrow.source], boxes[arrow.dest]) for arrow in moves]
    height = 2 * MARGIN + len(rows) * (HEIGHT + BETWEEN_ROWS) - BETWEEN_ROWS
    return Picture(whole + 3 * MARGIN, height, list(boxes.values()), lines)


def _width(words: str) -> int:
    return len(words) * LETTER + PADDING


def _rows(moves: Sequence[Arrow], widths: Mapping[str, int]) -> Iterator[list[str]]:
    """The nodes of each row; a node that cannot be reached is in the last."""
    next_to: dict[str, list[str]] = {}
    for move in moves:
        next_to.setdefault(move.source, []).append(move.dest)
    placed, row = {OUTSIDE}, [OUTSIDE]
    while row:
        yield from _broken(row, widths)
        # in the order of the row above, so that few lines cross
        following = dict.fromkeys(dest for node in row for dest in next_to.get(node, ()) if dest not in placed)
        placed |= following.keys()
        row = list(following)
    if unreached := [node for node in sorted(widths) if node not in placed]:
        yield from _broken(unreached, widths)


def _broken(row: Sequence[str], widths: Mapping[str, int]) -> Iterator[list[str]]:
    part: list[str] = []
    for node in row:
        if part and sum(widths[each] + GAP for each in (*part, node)) > WIDEST:
            yield part
            part = []
        part.append(node)
    yield part


def _line(source: Box, dest: Box) -> Curve:
    """An arrow down ends at the top of a box; one in a row is an arc below it; one up goes around on the right."""
    x, end_x = source.middle, dest.middle
    if dest.y > source.y:
        y, end_y = source.y + HEIGHT, dest.y - TIP
        bend = min((end_y - y) / 2, BETWEEN_ROWS)
        return Curve(_curve((x, y), (x, y + bend), (end_x, end_y - bend), (end_x, end_y)), is_back=False)
    if dest.y == source.y and dest is not source:
        y, end_y = source.y + HEIGHT, dest.y + HEIGHT + TIP
        return Curve(_curve((x, y), (x, y + ARC), (end_x, end_y + ARC), (end_x, end_y)), is_back=True)
    right, end_right = source.x + source.width, dest.x + dest.width + TIP
    y, end_y = source.y + HEIGHT / 2 + TIP, dest.y + HEIGHT / 2 - TIP
    bend = max(right, end_right) + MARGIN
    return Curve(_curve((right, y), (bend, y), (bend, end_y), (end_right, end_y)), is_back=True)


def _curve(*points: tuple[float, float]) -> str:
    """A cubic curve: from, its two control points, to."""
    begin, *others = [f"{x:.0f} {y:.0f}" for x, y in points]
    return f"M {begin} C {', '.join(others)}"
