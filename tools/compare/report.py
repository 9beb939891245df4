"""What compare-dovecot leaves: the table for people, one comparison file for `tidemark loadtest report`, the report."""

import json
import os
import subprocess
import sys
import time

import rows

KINDS = {"cpu": "CPU", "wall": "time", "memory": "PSS"}


def figure(result, name):
    value = result["medians"][name][result["primary"]]
    if result["scale"] is None:
        value, unit = 1 / value, "/s" if result["primary"] == "wall" else "/CPU s"
    else:
        value, unit = value * result["scale"], result["unit"]
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f} {unit}"


def scenario_figure(value, unit):
    if unit == "us":
        value, unit = (value / 1e6, "s") if value >= 1e6 else (value / 1e3, "ms") if value >= 1e3 else (value, "µs")
    elif unit == "bytes":
        value, unit = (value / 2**20, "MiB") if value >= 2**20 else (value / 1024, "KiB")
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f} {unit}"


def middle(values):
    return values[len(values) // 2] if len(values) % 2 else (values[len(values) // 2 - 1] + values[len(values) // 2]) / 2


def short(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def floor_met(result):
    return middle(result["ratios"][result["primary"]]) >= result["floor"]


def verdict(result):
    ratio = middle(result["ratios"][result["primary"]])
    return "aim" if ratio >= result["aim"] else "floor" if ratio >= result["floor"] else "**below floor**"


def line(result):
    ratios = result["ratios"][result["primary"]]
    others = "".join(f" [{kind} {short(middle(values))}]" for kind, values in result["ratios"].items()
                     if kind != result["primary"])
    return (f"{result['row']:20} {figure(result, 'Dovecot'):>16} {figure(result, 'Tidemark'):>16}  "
            f"x{short(middle(ratios))} ({short(ratios[0])}–{short(ratios[-1])}) of {result['floor']}/{result['aim']}"
            f"{others}")


def machine():
    """As in a result of the load test (tools/loadtest/result.hpp)."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for entry in file:
            if entry.startswith("model name"):
                model = entry.split(":", 1)[1].strip()
                break
    return {"system": f"Linux {os.uname().release}", "processor": model, "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "build": "release"}


def notes_of(arguments, dovecot, found, runner):
    notes = [f"Dovecot {dovecot}: sdbox, mail_fsync={arguments.fsync}, the high-performance login mode, processes that are used "
             "again, no limits, an authentication cache. Both servers have the same mail, accounts and certificate.",
             f"By rows: {rows.BIG:,} messages of {rows.BIG_BYTES} bytes, {rows.MID:,} of {rows.MID_BYTES}, {rows.LARGE} of "
             f"{rows.LARGE_BYTES >> 20} MiB; {rows.IDLE_CONNECTIONS} idle connections."]
    if arguments.quick:
        notes.insert(0, f"A quick look and not a measurement: {arguments.pairs} pair{'s' if arguments.pairs > 1 else ''}, a tenth of "
                        "the mail (a scenario's name may say 10k or 100k where 1,000 or 10,000 were).")
    if arguments.duration and runner.scenarios:
        notes.append(f"Scenarios were measured for {arguments.duration} each.")
    names = {one["name"] for one in runner.scenarios}
    if "backup-under-load" in names:
        notes.append("backup-under-load: Tidemark makes `tidemark backup --since` the one before, of the whole server. Dovecot has no "
                     "backup of a running server; its counterpart is `doveadm backup` (dsync), which takes all accounts one after the "
                     "other. Neither the doveadm nor the tidemark client process is in the servers' processor time; Tidemark's server "
                     "does the copying itself, which is.")
    if any("hibernation" in name for name in names):
        notes.append("Hibernation: Dovecot's imap_hibernate_timeout is 1 s; Tidemark has no such setting and is as it always is.")
    notes += found.notes
    disturbed = [one["title"] for one in found.rows if one["warning"]] + runner.disturbed
    if disturbed:
        notes.append(f"Other processes were busy during {len(disturbed)} of {len(found.rows) + len(runner.scenarios)} measurements; "
                     "times are not to be trusted there. Each says so below.")
    for one in runner.scenarios:
        if not one["pairs"]:
            notes.append(f"{one['name']} could not be compared: {'; '.join(one['reasons'])}")
    return notes


def figures(result, costs):
    """A row's costs of one server in one pair, the primary one first."""
    def made(kind):
        if kind == "memory":
            return {"name": "memory", "unit": "bytes", "more_is_better": False, "value": costs[kind]}
        if result["scale"] is None and kind == result["primary"]:
            return {"name": "rate", "unit": "/s" if kind == "wall" else "/CPU s", "more_is_better": True, "value": 1 / costs[kind]}
        return {"name": "time" if kind == "wall" else "server CPU", "unit": "us", "more_is_better": False,
                "value": costs[kind] * 1e6}
    return [made(kind) for kind in sorted(costs, key=lambda kind: kind != result["primary"])]


def bare_result(server, title, head, values):
    """A result of the load test that holds nothing but figures."""
    return {"format": 1, "version": head["version"], "label": server, "scenario": title,
            "server": {"address": "127.0.0.1", "transport": "plain", "lmtp": "", "greeting": ""}, "start": head["start"],
            "settings": {"loop": "closed", "rate": 0, "connections": 0, "warmup_seconds": 0, "duration_seconds": 0, "threads": 1,
                         "users": "", "seed": 0},
            "machine": head["machine"], "commands": [], "seconds": [], "server_use": None,
            "harness": {"cpu_max": 0, "cpu_mean": 0, "cpu_seconds": 0, "lag_p99_us": 0, "lag_max_us": 0},
            "checks": {"answers": 0, "bodies": 0, "messages": 0, "wrong": 0, "examples": []},
            "verdict": {"ok": True, "harness_was_bottleneck": False, "reasons": []}, "figures": values}


def row_scenario(result, head):
    pairs = [{"a": bare_result("Dovecot", result["title"], head, figures(result, a)),
              "b": bare_result("Tidemark", result["title"], head, figures(result, b))}
             for a, b in zip(result["values"]["Dovecot"], result["values"]["Tidemark"])]
    return {"name": result["title"], "description": "one operation, timed by tools/compare-dovecot", "headline": "", "ok": True,
            "reasons": [result["warning"]] if result["warning"] else [],
            "target": {"floor": result["floor"], "aim": result["aim"]}, "pairs": pairs}


def comparison(arguments, dovecot, found, runner, start):
    """The format of tools/loadtest/comparison.hpp; what follows from pairs is left to its reader."""
    version = subprocess.run([arguments.program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    head = {"comparison": 1, "version": version, "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
            "a": "Dovecot", "b": "Tidemark", "machine": machine(), "notes": notes_of(arguments, dovecot, found, runner)}
    made = [row_scenario(one, head) for one in found.rows]
    made += [{"name": title, "description": "one operation, timed by tools/compare-dovecot", "headline": "", "ok": False, "reasons": [reason], "pairs": []}
             for title, reason in found.failed.items()]
    return dict(head, scenarios=made + runner.scenarios)


def rows_table(results):
    lines = ["| operation | by | Dovecot | Tidemark | ratio | floor → aim | reached | other ratios |",
             "|---|---|---|---|---|---|---|---|"]
    for result in results:
        ratios = result["ratios"][result["primary"]]
        others = ", ".join(f"{KINDS[kind]} {short(middle(values))}" for kind, values in result["ratios"].items()
                           if kind != result["primary"])
        lines.append(f"| {result['title']} | {KINDS[result['primary']]} | {figure(result, 'Dovecot')} | "
                     f"{figure(result, 'Tidemark')} | **{short(middle(ratios))}** ({short(ratios[0])}–{short(ratios[-1])}) | "
                     f"{result['floor']} → {result['aim']} | {verdict(result)} | {others} |")
    return lines


def scenarios_table(found):
    lines = ["| scenario | first measure | Dovecot | Tidemark | ratio |", "|---|---|---|---|---|"]
    for one in found:
        if not one["measures"]:
            lines.append(f"| {one['name']} | none | | | |")
            continue
        first = one["measures"][0]
        ratio = first["ratio"]
        lines.append(f"| {one['name']}{'' if one['ok'] else ' (failed)'} | {first['name']} | "
                     f"{scenario_figure(first['a_median'], first['unit'])} | {scenario_figure(first['b_median'], first['unit'])} | "
                     f"**{short(ratio['median'])}** ({short(ratio['least'])}–{short(ratio['most'])}) |")
    return lines


def markdown(facts, found, runner):
    machine_facts = facts["machine"]
    lines = [f"{facts['start']}; {machine_facts['processor']}, {machine_facts['cores']} cores, {machine_facts['system']}; tidemark "
             f"{facts['version']}, release build. Medians of interleaved pairs; ratio Dovecot ÷ Tidemark (least–most of the pairs).",
             "", *(f"- {note}" for note in facts["notes"]), ""]
    if found.rows:
        lines += [*rows_table(found.rows), ""]
    if runner.scenarios:
        lines += [*scenarios_table(runner.scenarios), ""]
    lines += [f"FAILED: {title}: {reason}" for title, reason in found.failed.items()]
    lines += [f"FAILED: {one['name']}: {'; '.join(one['reasons'])}" for one in runner.scenarios if not one["ok"]]
    return "\n".join(lines).rstrip() + "\n"


def write(arguments, dovecot, found, runner, start):
    """All files; the exit code: 1 when something failed or is below its floor."""
    os.makedirs(arguments.output, exist_ok=True)
    facts = comparison(arguments, dovecot, found, runner, start)
    path = os.path.join(arguments.output, "comparison.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(facts, file)
    page = os.path.join(arguments.output, "report.html")
    subprocess.run([arguments.program, "loadtest", "report", path, "-o", page], check=True, stdout=subprocess.DEVNULL)
    text = markdown(facts, found, runner)
    with open(os.path.join(arguments.output, "table.md"), "w", encoding="utf-8") as file:
        file.write(text)
    print(text)
    print(f"the report: {page}", file=sys.stderr)
    is_well = not found.failed and all(one["ok"] for one in runner.scenarios) and all(floor_met(one) for one in found.rows)
    return 0 if is_well else 1
