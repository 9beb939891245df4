"""neomutt on a terminal of its own: reads a mailbox, flags one message, deletes one, copies one."""

import os
import pty
import select
import subprocess
import time

from run import equal, flags, need, ok, uids

TIMEOUT_SECONDS = 120


def prepare(_):
    need("neomutt")


def run(server):
    server.deliver("one", "two", "three")
    client = server.imap()
    ok(client.create("Copies"))
    config = server.path("neomuttrc")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""
set folder = "imaps://localhost:{server.port("imaps")}/"
set spool_file = "+INBOX"
set imap_user = "{server.user}"
set imap_pass = "{server.password}"
set certificate_file = "{server.certificate}"
set header_cache = "{server.path("cache")}"
set ssl_force_tls = yes
set delete = yes
set quit = yes
set resolve = no
set confirm_append = no
set confirm_create = no
set move = no
set mark_old = no
set sort = mailbox-order
push "<first-entry><flag-message><next-entry><copy-message>=Copies<enter><last-entry><delete-message><sync-mailbox><quit>"
""")
    terminal, other_end = pty.openpty()
    environment = dict(os.environ, TERM="xterm", HOME=server.directory, LINES="40", COLUMNS="120")
    process = subprocess.Popen(["neomutt", "-n", "-F", config], stdin=other_end, stdout=other_end, stderr=other_end,
                               env=environment, cwd=server.directory)
    os.close(other_end)
    screen = b""
    end = time.monotonic() + TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                screen += os.read(terminal, 65536)
            except OSError:
                break
    if process.poll() is None:
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"neomutt does not end; its screen: {screen[-4000:]!r}") from None
    os.close(terminal)
    equal(process.returncode, 0, f"neomutt's exit code; its screen: {screen[-2000:]!r}")

    ok(client.select("INBOX"))
    left = uids(client)
    equal(len(left), 2, f"messages that neomutt left; its screen: {screen[-2000:]!r}")
    assert "\\Flagged" in flags(client, left[0]), flags(client, left[0])
    ok(client.select("Copies"))
    equal(len(uids(client)), 1, "messages that neomutt copied")
    equal(uids(client, "SUBJECT", "two"), uids(client), "the copied message")
    client.logout()
