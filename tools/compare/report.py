"""The table that compare-dovecot prints."""

import datetime
import os
import subprocess

import rows


def figure(result, name):
    value = result["medians"][name][result["primary"]]
    if result["scale"] is None:
        value, unit = 1 / value, "/s" if result["primary"] == "wall" else "/CPU s"
    else:
        value, unit = value * result["scale"], result["unit"]
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


def about(program, dovecot, arguments):
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for entry in file:
            if entry.startswith("model name"):
                model = entry.split(":", 1)[1].strip()
                break
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    with open("/proc/loadavg", encoding="ascii") as file:
        load = file.read().split()[0]
    return {"date": datetime.date.today().isoformat(), "processor": model, "cores": os.cpu_count(),
            "kernel": os.uname().release, "load": load, "tidemark": version + ", release build", "dovecot": dovecot,
            "fsync": arguments.fsync, "pairs": arguments.pairs,
            "data": f"{rows.BIG:,} messages of {rows.BIG_BYTES} bytes, {rows.MID:,} of {rows.MID_BYTES}, "
                    f"{rows.LARGE} of {rows.LARGE_BYTES >> 20} MiB; {rows.IDLE_CONNECTIONS} idle connections"}


def markdown(facts, results, failed):
    lines = [
        f"{facts['date']}; {facts['processor']}, {facts['cores']} cores, Linux {facts['kernel']}, load {facts['load']} at "
        f"the end. {facts['tidemark']}; Dovecot {facts['dovecot']}, sdbox, mail_fsync={facts['fsync']}. {facts['data']}. "
        f"Medians of {facts['pairs']} interleaved pairs; ratio Dovecot ÷ Tidemark (least–most of the pairs).", "",
        "| operation | by | Dovecot | Tidemark | ratio | floor → aim | reached | other ratios |",
        "|---|---|---|---|---|---|---|---|"]
    names = {"cpu": "CPU", "wall": "time", "memory": "PSS"}
    for result in results:
        ratios = result["ratios"][result["primary"]]
        others = ", ".join(f"{names[kind]} {short(middle(values))}" for kind, values in result["ratios"].items()
                           if kind != result["primary"])
        lines.append(f"| {result['title']} | {names[result['primary']]} | {figure(result, 'Dovecot')} | "
                     f"{figure(result, 'Tidemark')} | **{short(middle(ratios))}** ({short(ratios[0])}–{short(ratios[-1])}) | "
                     f"{result['floor']} → {result['aim']} | {verdict(result)} | {others} |")
    lines += ["", *(f"FAILED: {problem}" for problem in failed)] if failed else []
    return "\n".join(lines)
