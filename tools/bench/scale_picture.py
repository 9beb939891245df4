"""The picture of tools/bench/scale: how memory and times grow with the number of things, as one SVG. All axes are
logarithmic, so what grows in proportion is a line that rises one factor of ten for each; a flat line does not grow."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 1180, 600
LEFT, TOP, GAP_X, GAP_Y = 66, 64, 74, 96
PANEL_WIDTH, PANEL_HEIGHT = 208, 176
COLOURS = ["#1f6feb", "#d9480f", "#0b7a5c", "#8a3ffc"]
INK, FAINT, GRID = "#1c2430", "#5d6878", "#e4e8ee"


def count_text(value):
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"


def bytes_text(value):
    return f"{value / 2**30:g} GiB" if value >= 2**30 else f"{value / 2**20:g} MiB" if value >= 2**20 else f"{value / 1024:g} KiB"


def time_text(milliseconds):
    return f"{milliseconds / 1e3:g} s" if milliseconds >= 1e3 else f"{milliseconds:g} ms" if milliseconds >= 1 \
        else f"{milliseconds * 1e3:g} µs"


class Panel:
    """One chart at (x, y). `lines` are (name, [(size, value)…])."""

    def __init__(self, x, y, title, lines, value_text, base):
        self.x, self.y, self.title, self.value_text, self.base = x, y, title, value_text, base
        self.lines = [(name, [(size, value) for size, value in points if value > 0]) for name, points in lines]
        sizes = [size for _, points in self.lines for size, _ in points]
        values = [value for _, points in self.lines for _, value in points]
        self.low_x, self.high_x = math.log10(min(sizes)), math.log10(max(sizes))
        self.low_y = math.floor(math.log(min(values), base) + 1e-9)
        self.high_y = max(math.ceil(math.log(max(values), base) - 1e-9), self.low_y + 1)

    def at_x(self, size):
        return self.x + 8 + (PANEL_WIDTH - 16) * (math.log10(size) - self.low_x) / max(self.high_x - self.low_x, 1e-9)

    def at_y(self, value):
        return self.y + PANEL_HEIGHT - PANEL_HEIGHT * (math.log(value, self.base) - self.low_y) / (self.high_y - self.low_y)

    def svg(self):
        out = [f'<text x="{self.x}" y="{self.y - 14}" font-size="13" font-weight="600" fill="{INK}">{escape(self.title)}</text>']
        for power in range(self.low_y, self.high_y + 1):
            value = self.base ** power
            y = self.at_y(value)
            out.append(f'<line x1="{self.x}" x2="{self.x + PANEL_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
                       f'<text x="{self.x - 6}" y="{y + 4:.1f}" text-anchor="end" font-size="11" fill="{FAINT}">'
                       f'{self.value_text(value)}</text>')
        for size in sorted({size for _, points in self.lines for size, _ in points}):
            out.append(f'<text x="{self.at_x(size):.1f}" y="{self.y + PANEL_HEIGHT + 16}" text-anchor="middle" font-size="11" '
                       f'fill="{FAINT}">{count_text(size)}</text>')
        for index, (name, points) in enumerate(self.lines):
            colour = COLOURS[index % len(COLOURS)]
            path = " ".join(f"{self.at_x(size):.1f},{self.at_y(value):.1f}" for size, value in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out += [f'<circle cx="{self.at_x(size):.1f}" cy="{self.at_y(value):.1f}" r="3" fill="{colour}"/>' for size, value in points]
            y = self.y + PANEL_HEIGHT + 32 + 15 * index
            out.append(f'<rect x="{self.x}" y="{y - 7}" width="12" height="3" fill="{colour}"/>'
                       f'<text x="{self.x + 18}" y="{y}" font-size="12" fill="{INK}">{escape(name)}</text>')
        return "\n".join(out)


def draw(parts, about):
    """`parts` are name -> [{size, memory_bytes, milliseconds: {what: value}}…], one for each step."""
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="system-ui, sans-serif" role="img">', "<title>How Tidemark grows</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="24" font-size="13" fill="{FAINT}">{escape(about)}</text>']
    for column, (name, steps) in enumerate(parts.items()):
        x = LEFT + column * (PANEL_WIDTH + GAP_X)
        memory = [("all of them together", [(one["size"], one["memory_bytes"]) for one in steps])]
        times = [(what, [(one["size"], one["milliseconds"][what]) for one in steps]) for what in steps[0]["milliseconds"]]
        out.append(Panel(x, TOP, f"{name}: memory", memory, bytes_text, 4).svg())
        out.append(Panel(x, TOP + PANEL_HEIGHT + GAP_Y, f"{name}: time", times, time_text, 10).svg())
    return "\n".join(out) + "\n</svg>\n"
