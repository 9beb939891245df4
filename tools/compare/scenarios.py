"""All scenarios of tools/scenarios on both servers by `tidemark loadtest compare`: which accounts each runs with, and
which of them also over TLS, or with Dovecot's hibernation."""

import json
import os
import shlex
import subprocess

import rows
from busy import Others
from control import Control
from servers import PASSWORD, USERS, user_names

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SMALL = 20      # messages of each account of the load
LARGER = 480    # more for the first ones, which programs that sync read
LARGER_ACCOUNTS = 50
OF_BIG = ["ops/fetch-flags", "ops/fetch-uid-flags-modseq", "ops/fetch-envelope", "ops/fetch-bodystructure",
          "ops/search-flags", "ops/select-100k", "ops/qresync-100"]
OF_MID = ["ops/store-10k", "ops/copy-10k", "ops/move-10k", "ops/search-subject", "ops/search-header", "ops/search-text",
          "ops/fetch-body-4k", "ops/fetch-body-1m"]
OF_PUSH = ["ops/idle-push-100"]
MEMORY = ["ops/idle-memory"]
OVER_TLS = ["login-storm", "idle-fleet", "webmail", "first-sync", "ops/login", "ops/noop", "ops/noop-pipelined"]


class Set:
    """Scenarios that one `loadtest compare` runs. `suffix` tells variants apart in the report. `before` is what Control
    does before each run."""

    def __init__(self, scenarios, users, suffix="", tls=False, before=""):
        self.scenarios, self.users, self.suffix, self.tls, self.before = scenarios, users, suffix, tls, before

    def names(self):
        return [name + self.suffix for name in self.scenarios]


def all_names():
    folder = os.path.join(ROOT, "tools", "scenarios")
    return sorted(os.path.relpath(os.path.join(path, name), folder)[:-len(".toml")]
                  for path, _, files in os.walk(folder) for name in files if name.endswith(".toml"))


def sets():
    many = f"s{{1..{USERS}}}"
    special = {*OF_BIG, *OF_MID, *OF_PUSH, *MEMORY}
    usual = [name for name in all_names() if name not in special]
    missing = special - set(all_names())
    if missing:
        raise SystemExit(f"no such scenario: {', '.join(sorted(missing))}")
    # Those of everyday first, then single operations.
    usual.sort(key=lambda name: (name.startswith("ops/"), name))
    return [
        Set(usual, many),
        Set(OF_BIG, "loadbig"),
        Set(OF_MID, "loadmid"),
        Set(OF_PUSH, "loadpush"),
        Set(MEMORY, many, before="restart"),
        Set(MEMORY, many, ", TLS", tls=True, before="restart"),
        Set(OVER_TLS, many, ", TLS", tls=True),
        # A fleet that hibernates is woken by its mail: memory and delay are two sides of one setting.
        Set([*MEMORY, "idle-fleet"], many, ", hibernation", before="hibernate"),
    ]


def fill(server, program, say):
    """Mail of the load test's own making, which it knows again by its hash. A message of `loadmid` is as large as one of
    the rows'."""
    def load(users, messages, *more):
        say(f"{server.name}: {messages} messages for {users}")
        subprocess.run([program, "loadtest", "fill", "--server", f"127.0.0.1:{server.ports['imap']}", "--users", users,
                        "--password", PASSWORD, "--messages", str(messages), *more], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    load(f"s{{1..{USERS}}}", SMALL)
    load(f"s{{1..{LARGER_ACCOUNTS}}}", LARGER, "--seed", "2")
    load("loadbig", rows.BIG, "--size", str(rows.BIG_BYTES), "--batch", "500")
    load("loadmid", rows.MID, "--size", str(rows.MID_BYTES), "--batch", "200")
    load("loadpush", 1)


def backup_commands(directory, dovecot, tidemark):
    """What "backup-under-load" runs on each side, as programs of their own: a backup of all accounts that adds to the
    one before. Dovecot has none for a whole server, so dsync takes the accounts one after the other."""
    names = os.path.join(directory, "accounts-to-back-up")
    with open(names, "w", encoding="ascii") as file:
        file.writelines(f"{name}\n" for name in user_names())
    # 2 is dsync's "changed while I looked, run me again", which is what the next run does. Options are passed on: the
    # first copy need not be durable.
    theirs = (f"doveadm -c {dovecot.config} \"$@\" backup -F {names} 'sdbox:~/backup' >>{directory}/doveadm.log 2>&1\n"
              "code=$?; [ $code = 0 ] || [ $code = 2 ]")
    # Numbered; the one before is what the next is made from, and goes when that is there.
    ours = f"""cd {directory}/tidemark-backup || exit
last=$(ls -1 | sort -n | tail -n 1)
next=$((${{last:-0}} + 1))
{tidemark.program} backup $next --data {tidemark.data} ${{last:+--since $last}} >>{directory}/backup.log 2>&1 || exit
[ -z "$last" ] || rm -r "$last"
"""
    os.makedirs(os.path.join(directory, "tidemark-backup"), exist_ok=True)
    commands = []
    for server, text in ((dovecot, theirs), (tidemark, ours)):
        path = os.path.join(directory, f"back-up-{server.name.lower()}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
        commands.append(path)
    return commands


class Runner:
    """Runs sets and keeps what they found: `scenarios` in the form of a comparison file (comparison.hpp)."""

    def __init__(self, directory, dovecot, tidemark, pairs, times, say):
        self.directory, self.dovecot, self.tidemark = directory, dovecot, tidemark
        self.pairs, self.times, self.say = pairs, times, say
        self.scenarios, self.disturbed = [], []
        self.backups = None

    def restart(self, server, **how):
        server.stop()
        server.start(**how)
        with open(self.pid_file(server), "w", encoding="ascii") as file:
            file.write(f"{server.pid}\n")

    def pid_file(self, server):
        return os.path.join(self.directory, f"{server.name.lower()}.pid")

    def side(self, server, one, control, backup):
        words = ["--label", server.name, "--server", f"127.0.0.1:{server.ports['imaps' if one.tls else 'imap']}",
                 "--lmtp", f"127.0.0.1:{server.ports['lmtp']}", "--server-pid", self.pid_file(server)]
        if one.tls:
            words.append("--tls")
        if one.before:
            words += ["--before", control.command(f"{one.before}-{server.name}")]
        if backup:
            words += ["--exec", backup]
        return shlex.join(words)

    def run(self, one, wanted):
        """The set's scenarios, or those of them whose names are in `wanted`. What could not be run is among the results
        as failed."""
        chosen = [name for name in one.scenarios if not wanted or name in wanted or name + one.suffix in wanted]
        if not chosen:
            return
        try:
            self.compare(one, chosen)
        except (OSError, RuntimeError, subprocess.CalledProcessError) as problem:
            self.say(f"FAILED {', '.join(chosen)}: {problem}")
            self.scenarios += [{"name": name + one.suffix, "description": "", "headline": "", "ok": False, "reasons": [str(problem)],
                                "pairs": [], "measures": []} for name in chosen]
            for server in (self.dovecot, self.tidemark):
                self.restart(server)

    def compare(self, one, chosen):
        if "backup-under-load" in chosen and self.backups is None:
            self.backups = backup_commands(self.directory, self.dovecot, self.tidemark)
            for command, options in zip(self.backups, (["-o", "mail_fsync=never"], [])):
                self.say(f"a first backup, not measured: {command}")
                subprocess.run([command, *options], check=True)
        actions = {}
        for server in (self.dovecot, self.tidemark):
            self.restart(server)
            actions[f"restart-{server.name}"] = lambda server=server: self.restart(server)
            actions[f"hibernate-{server.name}"] = lambda server=server: self.restart(server, hibernate_seconds=1)
        control = Control(self.directory, actions)
        output = os.path.join(self.directory, "one-set.json")
        if os.path.exists(output):
            os.unlink(output)
        backups = self.backups or ["", ""]
        command = [self.tidemark.program, "loadtest", "compare", "--pairs", str(self.pairs), "--json", output,
                   "--users", one.users, "--password", PASSWORD,
                   "--a", self.side(self.dovecot, one, control, backups[0]),
                   "--b", self.side(self.tidemark, one, control, backups[1]), *chosen]
        command[3:3] = self.times
        others = Others()
        try:
            done = subprocess.run(command, stdout=subprocess.DEVNULL)
        finally:
            control.close()
        warning = others.warning("These scenarios")
        if not os.path.exists(output):
            raise RuntimeError(f"loadtest compare ended with {done.returncode}: {shlex.join(command)}")
        self.take(output, one.suffix, warning)
        if one.before:
            for server in (self.dovecot, self.tidemark):
                self.restart(server)

    def take(self, path, suffix, warning):
        with open(path, encoding="utf-8") as file:
            comparison = json.load(file)
        for scenario in comparison["scenarios"]:
            scenario["name"] += suffix
            self.say(line(scenario))
            for reason in scenario["reasons"]:
                self.say(f"    {reason}")
            if warning:
                scenario["reasons"].append(warning)
                self.disturbed.append(scenario["name"])
            self.scenarios.append(scenario)
        if warning:
            self.say(f"WARNING: {warning}")


def line(scenario):
    if not scenario["measures"]:
        return f"{scenario['name']:32} no figure"
    first = scenario["measures"][0]
    ratio = first["ratio"]
    return (f"{scenario['name']:32} {first['name']}: x{ratio['median']:.2f} ({ratio['least']:.2f}–{ratio['most']:.2f})"
            + ("" if scenario["ok"] else "  FAILED"))
