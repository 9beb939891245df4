"""libetpan, the engine of several clients: a small program goes away and returns with QRESYNC. See libetpan/returning.c."""

import os
import shutil
import subprocess

import returning
from run import Skip, equal, need

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libetpan", "returning.c")


def compiler():
    return shutil.which("cc") or need("clang-19")


def prepare(server):
    if not os.path.exists("/usr/include/libetpan/libetpan.h"):
        raise Skip("libetpan-dev is not installed")
    subprocess.run([compiler(), "-Wall", "-o", server.path("returning"), SOURCE, "-letpan"], check=True, timeout=120)


def run(server):
    def visit(mailbox, cache=None):
        """What the program knows at its end: (uidvalidity, modseq), lines."""
        known = [str(number) for number in cache[0]] if cache else []
        result = subprocess.run([server.path("returning"), str(server.port("imaps")), server.user, server.password, mailbox,
                                 *known], input="".join(cache[1]) if cache else "", capture_output=True, text=True,
                                timeout=60)
        equal(result.returncode, 0, f"the program's exit code, with {result.stderr}")
        first, *lines = result.stdout.splitlines(keepends=True)
        return [int(word) for word in first.split()], lines, result.stderr

    def letters(lines):
        return sorted("".join(sorted(line.split(" ", 1)[1].strip())) for line in lines)

    def expected(mailbox):
        return sorted(flags for _, flags in returning.on_server(server, [mailbox])[mailbox])

    returning.fill(server)
    before = {name: visit(name) for name in ("INBOX", "Work")}
    for name, state in before.items():
        equal(letters(state[1]), expected(name), f"{name} after the first visit")
    returning.change(server)
    for name, state in before.items():
        after = visit(name, state)
        equal(letters(after[1]), expected(name), f"{name} after the return")
        equal(after[1], visit(name)[1], f"{name}, fetched whole")
        assert after[0][0] == state[0][0] and after[0][1] > state[0][1], (state[0], after[0])
        equal("vanished: yes" in after[2], name == "INBOX", f"whether VANISHED came for {name}")
