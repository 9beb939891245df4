"""neomutt with CONDSTORE, QRESYNC and a header cache goes away and returns: what it shows is what the server has."""

import mailbox
import os
import pty
import select
import subprocess
import time

import returning
from run import equal, need

TIMEOUT_SECONDS = 60


def prepare(_):
    need("neomutt")


def run_neomutt(server, keys, log):
    config = server.path("neomuttrc")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""
set folder = "imaps://localhost:{server.port("imaps")}/"
set spool_file = "+INBOX"
set imap_user = "{server.user}"
set imap_pass = "{server.password}"
set certificate_file = "{server.certificate}"
set header_cache = "{server.path("cache")}"
set imap_condstore = yes
set imap_qresync = yes
set ssl_force_tls = yes
set quit = yes
set confirm_append = no
set confirm_create = no
set move = no
set mark_old = no
set sort = mailbox-order
push "{keys}"
""")
    os.makedirs(server.path("cache"), exist_ok=True)
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(["neomutt", "-n", "-d", "3", "-l", log, "-F", config], stdin=other_end, stdout=other_end,
                               stderr=other_end, cwd=server.directory,
                               env=dict(os.environ, TERM="xterm", HOME=server.directory, LINES="40", COLUMNS="120"))
    os.close(other_end)
    screen = b""
    end = time.monotonic() + TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                screen += os.read(terminal, 65536)
            except OSError:
                break
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"neomutt does not end; its screen: {screen[-4000:]!r}") from None
    finally:
        os.close(terminal)
    equal(process.returncode, 0, f"neomutt's exit code; its screen: {screen[-2000:]!r}")


def run(server):
    returning.fill(server)
    run_neomutt(server, "<quit>", server.path("first.log"))
    returning.change(server)
    expected = returning.on_server(server, ["INBOX"])["INBOX"]
    copy = server.path("copy")
    run_neomutt(server, f"<tag-pattern>~A<enter><tag-prefix><copy-message>{copy}<enter><quit>", server.path("second.log"))
    shown = sorted((message["Subject"], "".join(sorted(mailbox.MaildirMessage(message).get_flags())))
                   for message in mailbox.mbox(copy))
    equal(shown, expected, "what neomutt shows after its return")
    logs = [name for name in os.listdir(server.directory) if name.startswith("second.log")]
    dialogue = "".join(open(server.path(name), encoding="utf-8", errors="replace").read() for name in logs)
    assert "VANISHED)" in dialogue, "neomutt did not use QRESYNC"
