#!/usr/bin/env python3
"""Draws what operations cost against the number of coroutines and of timers.

    benches/plot.py PROGRAM > docs/performance.svg

PROGRAM is a build of benches/scale.c; each point is the median of five runs."""

import subprocess
import sys

SIZES = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
SERIES = [
    ("yield", "a yield among so many coroutines", "#1f77b4"),
    ("deadline", "a receive with a deadline, beside so many timers", "#d62728"),
]
WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 50


def measure(program, name, size):
    def once():
        command = [program, name, str(size)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return sorted(once() for _ in range(5))[2]


def main():
    program = sys.argv[1]
    series = [(title, colour, [measure(program, name, size) for size in SIZES])
              for name, title, colour in SERIES]
    top = max(max(values) for _, _, values in series)
    step = next(step for step in (5, 10, 20, 50, 100, 200, 500, 1000) if top / step <= 8)
    limit = step * (int(top / step) + 1)
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(index):
        return LEFT + plot_width * index / (len(SIZES) - 1)

    def y(value):
        return TOP + plot_height * (1 - value / limit)

    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
          ' font-family="sans-serif" font-size="12">')
    print(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for value in range(0, limit + 1, step):
        print(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        print(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    for index, size in enumerate(SIZES):
        print(f'<text x="{x(index):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
              f'{size:,}</text>')
    print(f'<text x="{LEFT - 45}" y="{TOP - 18}">ns</text>')
    print(f'<text x="{LEFT + plot_width / 2}" y="{HEIGHT - 10}" text-anchor="middle">'
          'coroutines, or pending timers</text>')
    for position, (title, colour, values) in enumerate(series):
        points = " ".join(f"{x(index):.1f},{y(value):.1f}" for index, value in enumerate(values))
        print(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for index, value in enumerate(values):
            print(f'<circle cx="{x(index):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}">'
                  f'<title>{SIZES[index]:,}: {value} ns</title></circle>')
        print(f'<text x="{LEFT + 10}" y="{TOP + 16 * position}" fill="{colour}">{title}</text>')
    print("</svg>")


if __name__ == "__main__":
    main()
