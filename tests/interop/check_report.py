"""`loadtest report` in headless Chromium: every chart is drawn, nothing is loaded, nothing complains. The pictures are left
in build/report-screenshots to be looked at."""

import json
import math
import os
import random

from browser import Browser
from run import equal

START = False  # the server: there is none to test
# "</script>" and "<!--" in what a server says must stay text.
GREETING = "* OK </script><script>alert(1)</script><!-- ready"


def command(name, source, slow):
    """A command with latencies around `slow` microseconds."""
    counts = {}
    for _ in range(20_000):
        value = int(source.lognormvariate(math.log(slow), 0.45)) if source.random() > 0.02 else int(slow * 30 * source.random())
        counts[max(value, 1)] = counts.get(max(value, 1), 0) + 1
    ordered = sorted(counts.items())

    def percentile(share):
        seen = 0
        for value, number in ordered:
            seen += number
            if seen >= share * 20_000:
                return value
        return ordered[-1][0]
    return {"name": name, "count": 20_000, "errors": {}, "per_second": 20_000 / 30,
            "latency_us": {"p50": percentile(.5), "p90": percentile(.9), "p99": percentile(.99), "p999": percentile(.999),
                           "max": ordered[-1][0], "mean": slow * 1.1}, "histogram": [list(pair) for pair in ordered]}


def result(label, seed, slow, memory):
    source = random.Random(seed)
    names = {"LOGIN": slow * 4, "SELECT": slow, "FETCH FLAGS": slow * 2.5}
    seconds = [{"t": t, "connections": min(500, 100 * (t + 5)), "errors": 0, "wrong": 0,
                "server_cpu_seconds": 0.6 + 0.1 * source.random(), "server_pss_bytes": int(memory * (1 + t / 200)),
                "harness_cpu": 0.3 + 0.05 * source.random(), "harness_lag_us": 120,
                "commands": {name: {"rate": 650 + 60 * source.random(), "p50": int(cost * (0.95 + 0.1 * source.random())),
                                    "p99": int(cost * (3 + source.random())), "max": int(cost * (10 + 20 * source.random()))}
                             for name, cost in names.items()}} for t in range(-5, 30)]
    commands = [command(name, source, cost) for name, cost in names.items()]
    commands[0]["errors"] = {"no": 3} if seed == 2 else {}
    return {"format": 1, "version": "0.1.0", "label": label, "scenario": "webmail",
            "server": {"address": "127.0.0.1:1143", "transport": "plain", "lmtp": "", "greeting": GREETING},
            "start": "2026-11-25T12:00:00Z",
            "settings": {"loop": "open", "rate": 2000, "connections": 500, "warmup_seconds": 5, "duration_seconds": 30,
                         "threads": 1, "users": "u{1..100}", "seed": seed},
            "machine": {"system": "Linux 6.1", "processor": "Example", "cores": 2, "memory_bytes": 1 << 34, "build": "release"},
            "commands": commands, "seconds": seconds,
            "server_use": {"pid": 1, "processes": 1, "cpu_seconds": 20.0, "cpu_us_per_operation": slow / 5,
                           "pss_bytes_before": memory // 2, "pss_bytes_peak": memory, "pss_bytes_end": memory,
                           "connections": 500, "bytes_per_connection": memory / 1000},
            "harness": {"cpu_max": 0.35, "cpu_mean": 0.32, "cpu_seconds": 10.0, "lag_p99_us": 150, "lag_max_us": 900},
            "checks": {"answers": 60_000, "bodies": 0, "messages": 0, "wrong": 0, "examples": []},
            "verdict": {"ok": True, "harness_was_bottleneck": False, "reasons": []}}


def comparison():
    """Two scenarios of five pairs; the second has a run that failed."""
    scenarios = []
    for name, factor in (("webmail", 5), ("ops/noop", 0.8)):
        pairs = []
        for number in range(5):
            a, b = (dict(result("", number * 2 + side, slow * (1 + number / 20), memory), scenario=name)
                    for side, (slow, memory) in enumerate(((180 * factor, 900 << 20), (180, 60 << 20))))
            pairs.append({"a": a, "b": b})
        scenarios.append({"name": name, "description": "as people do", "headline": "SELECT p50", "ok": name == "webmail",
                          "reasons": [] if name == "webmail" else ["ops/noop, pair 1 of 5, Tidemark: </script> 1 wrong answers"],
                          "pairs": pairs})
    machine = scenarios[0]["pairs"][0]["a"]["machine"]
    # What another program measured: figures only, and what they should be.
    for name, target, cost in (("SELECT of a mailbox with a long name, hibernated, after a restart", {"floor": 5, "aim": 20}, 700), ("COPY", {"floor": 5, "aim": 20}, 300)):
        bare = dict(result("", 1, 180, 1 << 20), scenario=name, commands=[], seconds=[], server_use=None)
        pairs = [{side: dict(bare, figures=[{"name": "time", "unit": "us", "more_is_better": False, "value": value}])
                  for side, value in (("a", cost), ("b", 100))}] * 5
        scenarios.append({"name": name, "description": "by rows", "headline": "", "ok": True, "reasons": [], "target": target,
                          "pairs": pairs})
    scenarios.append({"name": "flood", "description": "", "headline": "", "ok": False, "reasons": ["it did not begin"], "pairs": []})
    return {"comparison": 1, "version": "0.1.0", "start": "2026-11-25T12:00:00Z", "a": "Dovecot", "b": "Tidemark",
            "notes": ["Others used 12 % of the machine </script>."], "machine": machine, "scenarios": scenarios}


# Every canvas has many pixels that are not see-through, in several colours: axes, grid and lines.
DRAWN = """[...document.querySelectorAll("canvas")].map((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  let inked = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 200) { inked += 1; colours.add((data[at] >> 5) << 10 | (data[at + 1] >> 5) << 5 | data[at + 2] >> 5); }
  return [inked, colours.size];
})"""


def check_page(browser, path, folder, name, charts):
    for dark in (False, True):
        browser.scheme(dark)
        browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        drawn = browser.value(DRAWN)
        equal(len(drawn), charts, "charts")
        for inked, colours in drawn:
            assert inked > 1500 and colours > 4, f"an empty chart: {drawn}"
        browser.screenshot(os.path.join(folder, f"{name}-{'dark' if dark else 'light'}.png"))
    equal(browser.value("document.documentElement.scrollWidth <= innerWidth"), True, "fits the window")
    equal(browser.problems, [], "complaints of the page")
    equal(browser.requests, ["file://" + path], "requests")


def run(server):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folder = os.path.join(root, "build", "report-screenshots")
    os.makedirs(folder, exist_ok=True)
    inputs = []
    for label, seed, slow, memory in (("Tidemark", 1, 180, 60 << 20), ("Another server", 2, 900, 900 << 20)):
        inputs.append(server.path(f"{seed}.json"))
        with open(inputs[-1], "w", encoding="utf-8") as file:
            json.dump(result(label, seed, slow, memory), file)
    with open(server.path("bad.json"), "w", encoding="utf-8") as file:
        file.write('{"format": 1}')
    refused = server.command("loadtest", "report", server.path("bad.json"), "-o", server.path("never.html"), expect=None)
    equal((refused.returncode, os.path.exists(server.path("never.html"))), (3, False), "a report of what is no result")
    browser = Browser()
    try:
        # Five of the whole and two for each command.
        for name, files, width in (("two-runs", inputs, 1280), ("one-run", inputs[:1], 600)):
            path = os.path.join(folder, name + ".html")
            server.command("loadtest", "report", *files, "-o", path)
            browser.requests.clear()
            browser.session = None
            browser.open(path, width=width)
            check_page(browser, path, folder, name, charts=5 + 2 * 3)
        path = os.path.join(folder, "comparison.html")
        with open(server.path("comparison.json"), "w", encoding="utf-8") as file:
            json.dump(comparison(), file)
        server.command("loadtest", "report", server.path("comparison.json"), "-o", path)
        browser.requests.clear()
        browser.session = None
        browser.open(path, width=1280)
        # Nothing is drawn before it is looked at, but the ratios: 4 of the whole, 11 of each scenario that was run (5 of the
        # server as a whole and 2 of each command), 1 of each that another program measured.
        equal(browser.value("document.querySelectorAll('canvas').length"), 0, "charts that nobody opened")
        equal(browser.value("document.querySelectorAll('svg.ratio').length"), 4 + 2 * (5 + 2 * 3) + 2, "ratios")
        equal(browser.value("[...document.querySelectorAll('table')].slice(0, 2).map((one) => one.rows[1].cells[0].textContent)"),
              ["webmail: SELECT p50", "SELECT p50"], "the headline comes first")
        equal(browser.value("[...document.querySelector('table').rows].map((one) => one.cells[6].textContent)"),
              ["reached", "", "", "floor met", "below floor"], "what reached its target")
        equal(browser.value("document.querySelectorAll('details').length"), 2, "scenarios with charts")
        equal(browser.value("document.querySelector('.notes').textContent"), "Others used 12 % of the machine </script>.", "the note")
        equal(browser.value("document.querySelector('main > .bad').textContent"),
              "Without a figure: flood; the reasons are below.", "the scenario without a figure")
        equal(browser.value("[...document.querySelectorAll('.scroll')].every((one) => one.scrollWidth <= one.clientWidth)"), True,
              "no table has to be scrolled")
        browser.screenshot(os.path.join(folder, "comparison-closed.png"))
        browser.value("document.querySelector('details').open = true")
        check_page(browser, path, folder, "comparison", charts=5 + 2 * 3)
    finally:
        browser.close()
