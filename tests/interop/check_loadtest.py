"""`tidemark loadtest` over real sockets: TLS and STARTTLS, filling by LMTP and with real mail, the live view on a terminal."""

import imaplib
import json
import os
import re
import socket
import subprocess
import threading

from run import equal, ok, on_terminal

USERS = "w{1..3}"
NAMES = ["w1", "w2", "w3"]


def loadtest(server, words, options, expect=0):
    """`words` are the subcommand and what it takes; `options` for accounts and addresses come last."""
    return server.command("loadtest", *words, *options, expect=expect)


def reach(server, port, *more, users=USERS):
    return ["--server", f"127.0.0.1:{server.port(port)}", "--users", users, "--password", server.password, *more]


def count(server, user, mailbox="INBOX"):
    client = imaplib.IMAP4_SSL("127.0.0.1", server.port("imaps"), ssl_context=server.tls(), timeout=60)
    client.login(user, server.password)
    number = int(ok(client.select(mailbox, readonly=True))[0])
    client.logout()
    return number


def bodies(server, user, mailbox):
    client = imaplib.IMAP4_SSL("127.0.0.1", server.port("imaps"), ssl_context=server.tls(), timeout=60)
    client.login(user, server.password)
    ok(client.select(mailbox, readonly=True))
    found = [item[1] for item in ok(client.fetch("1:*", "(BODY.PEEK[])")) if isinstance(item, tuple)]
    client.logout()
    return found


def run_result(server, name, options, expect=0):
    """What the run's JSON says."""
    path = server.path("result.json")
    loadtest(server, ["run", name, "--json", path, "--warmup", "0s", "--duration", "60s", "--connections", "12", "--closed"],
             options, expect)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def check_transports(server):
    loadtest(server, ["fill", "--messages", "5", "--size", "3000"], reach(server, "imaps", "--tls"))
    equal([count(server, name) for name in NAMES], [5, 5, 5], "messages filled over TLS")
    loadtest(server, ["fill", "--messages", "2"], reach(server, "imap", "--starttls"))
    equal([count(server, name) for name in NAMES], [7, 7, 7], "messages filled over STARTTLS")
    for port, flag in (("imaps", "--tls"), ("imap", "--starttls")):
        # This server takes no LOGIN without TLS, so a run that went well was encrypted.
        result = run_result(server, "first-sync", reach(server, port, flag, "--iterations", "40", "--threads", "2"))
        equal(result["server"]["transport"], flag.strip("-"), "transport")
        equal(result["verdict"]["ok"], True, f"the verdict of {flag}")
        equal(result["checks"]["bodies"], 40 * 7, f"bodies compared over {flag}")
        equal(result["checks"]["wrong"], 0, "wrong answers")
    refused = loadtest(server, ["run", "webmail"], reach(server, "imap"), expect=None)
    equal(refused.returncode, 3, "a run without TLS where that is needed")
    assert "w1 cannot log in" in refused.stderr, refused.stderr
    for port, flag in (("imap", "--tls"), ("imaps", "--starttls")):
        refused = loadtest(server, ["run", "webmail"], reach(server, port, flag), expect=None)
        equal(refused.returncode, 3, f"{flag} at the port {port}")
        assert "cannot connect" in refused.stderr, refused.stderr
    both = loadtest(server, ["run", "webmail", "--tls"], reach(server, "imap", "--starttls"), expect=None)
    equal(both.returncode, 2, "--tls and --starttls together")


class NoTls(threading.Thread):
    """A server that has no STARTTLS; `heard` is all that it was told."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = b""
        self.start()

    def run(self):
        client, _ = self.listener.accept()
        client.sendall(b"* OK ready\r\n")
        with client, client.makefile("rb") as lines:
            for line in lines:
                self.heard += line
                client.sendall(line.split()[0] + b" BAD no such command\r\n")


def check_no_fallback(server):
    """Without STARTTLS the password is not sent."""
    other = NoTls()
    refused = server.command("loadtest", "run", "webmail", "--server", f"127.0.0.1:{other.port}", "--starttls", "--users", "a",
                             "--password", "secret", expect=None)
    other.join(timeout=60)
    other.listener.close()
    equal(refused.returncode, 3, "a server without STARTTLS")
    assert b"STARTTLS" in other.heard and b"secret" not in other.heard, other.heard


def check_fill_by_lmtp(server):
    before = [count(server, name) for name in NAMES]
    lmtp = ["--by-lmtp", "--lmtp", f"127.0.0.1:{server.port('lmtp')}"]
    said = loadtest(server, ["fill", "--messages", "20", *lmtp], reach(server, "imaps", "--tls"))
    assert said.startswith("60 messages"), said
    equal([count(server, name) - old for name, old in zip(NAMES, before)], [20, 20, 20], "messages delivered")
    result = run_result(server, "first-sync", reach(server, "imaps", "--tls", "--iterations", "3"))
    equal((result["checks"]["bodies"], result["checks"]["wrong"]), (3 * (before[0] + 20), 0), "bodies that were delivered")
    refused = loadtest(server, ["fill", "--by-lmtp"], reach(server, "imaps", "--tls"), expect=None)
    equal(refused.returncode, 2, "--by-lmtp without an address")
    unknown = loadtest(server, ["fill", "--messages", "1", *lmtp], reach(server, "imaps", "--tls", users="nobody-{1..2}"), expect=None)
    equal(unknown.returncode, 3, "filling an account that is not there")


# What real mail has: bare line feeds, lines that begin with dots, no end of the last line, bytes above 127.
MAIL = {
    "a/1.eml": (b"Subject: one\n\n.\n..two dots\n.hidden\nlast\n", b"Subject: one\r\n\r\n.\r\n..two dots\r\n.hidden\r\nlast\r\n"),
    "a/b/2.eml": (b"Subject: two\r\n\r\nhas CRLF\r\n", b"Subject: two\r\n\r\nhas CRLF\r\n"),
    "c.eml": ("Subject: three\n\nna\u00efve, and no end".encode(), "Subject: three\r\n\r\nna\u00efve, and no end\r\n".encode()),
    "empty": (b"", None),
}


def check_fill_with_mail(server):
    folder = server.path("real-mail")
    for name, (text, _) in MAIL.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text)
    # In the order of their names, and from the first again when there are no more.
    expected = [wanted for _, (_, wanted) in sorted(MAIL.items()) if wanted]
    expected = expected + expected[:1]
    said = loadtest(server, ["fill", "--mail", folder, "--messages", "4", "--mailbox", "Real"],
                    reach(server, "imaps", "--tls", users="w2"))
    assert said.startswith("4 messages"), said

    def rest(text):
        marker = re.search(rb"^X-Loadtest: .*\r\n", text, re.MULTILINE)
        return text[marker.end():]
    equal([rest(text) for text in bodies(server, "w2", "Real")], expected, "real mail by APPEND")
    before = count(server, "w3")
    loadtest(server, ["fill", "--mail", folder, "--messages", "4", "--by-lmtp", "--lmtp", f"127.0.0.1:{server.port('lmtp')}"],
             reach(server, "imaps", "--tls", users="w3"))
    equal([rest(text) for text in bodies(server, "w3", "INBOX")[before:]], expected, "real mail by LMTP")
    result = run_result(server, "first-sync", reach(server, "imaps", "--tls", "--iterations", "1", users="w3"))
    equal((result["checks"]["bodies"], result["checks"]["wrong"]), (before + 4, 0), "real mail known by its hash")
    os.makedirs(server.path("no-mail"))
    for directory in ("no-mail", "not-there"):
        refused = loadtest(server, ["fill", "--mail", server.path(directory)], reach(server, "imaps", "--tls"), expect=None)
        equal(refused.returncode, 3, f"filling from {directory}")
        assert "holds no mail" in refused.stderr, refused.stderr


class Screen:
    """As much of a terminal as the live view uses: text that wraps at the width and scrolls at the height, cursor up, clear
    to the end."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines, self.row, self.column = [""], 0, 0
        self.top = 0  # of the screen, among all lines

    def feed(self, text):
        for control, up, character in re.findall(r"(\x1b\[(\d*)[AJ])|([^\x1b])", text, re.DOTALL):
            if control.endswith("A"):
                self.row = max(self.row - int(up or 1), self.top)
            elif control.endswith("J"):
                self.lines[self.row] = self.lines[self.row][:self.column]
                del self.lines[self.row + 1:]
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self.down()
            else:
                if self.column == self.columns:
                    self.column = 0
                    self.down()
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
                self.column += 1

    def down(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")
        self.top = max(self.top, self.row - self.rows + 1)


def on_screen(server, columns, rows, options):
    """The run's stderr as a terminal of that size shows it, and everything that it was sent; the exit code."""
    code, said, sent = on_terminal([server.tidemark, "loadtest", "run", "webmail", *options], columns, rows)
    screen = Screen(columns, rows)
    screen.feed(sent)
    return code, screen, sent, said


def check_live_view(server):
    options = reach(server, "imaps", "--tls", "--warmup", "1s", "--duration", "2s", "--connections", "4", "--closed")
    for columns, rows in ((120, 40), (50, 40), (100, 6)):
        code, screen, sent, said = on_screen(server, columns, rows, options)
        size = f"{columns}x{rows}: {screen.lines}"
        equal(code, 0, f"the exit code at {size}, {said}")
        assert sent.count("\x1b[J") >= 2, f"it was not redrawn: {sent!r}"
        equal([one for one in screen.lines if len(one) > columns], [], "lines that are too long")
        # However often it was drawn, one picture is left, and nothing of it has scrolled away.
        equal(sum("connections," in line for line in screen.lines), 1, f"pictures of the last second at {size}")
        assert len(screen.lines) <= rows, size
        if rows > 20:
            equal(sum(line.startswith("LOGIN") for line in screen.lines), 1, f"lines of LOGIN at {size}")
        assert re.search(r"^LOGIN +[1-9]", said, re.MULTILINE), said
    plain = subprocess.run([server.tidemark, "loadtest", "run", "webmail", *options], capture_output=True, text=True, timeout=60)
    equal(plain.returncode, 0, "the exit code without a terminal")
    assert "\x1b" not in plain.stderr + plain.stdout, plain.stderr
    seconds = [line for line in plain.stderr.splitlines() if re.match(r"^[+-]\d+ s  \d+ connections, 0 errors, 0 wrong", line)]
    assert len(seconds) >= 2, plain.stderr


def run(server):
    lines = server.path("accounts")
    with open(lines, "w", encoding="utf-8") as file:
        file.writelines(f"{name}:{server.password}\n" for name in NAMES)
    server.command("account", "import", lines, "--data", server.data)
    check_transports(server)
    check_no_fallback(server)
    check_fill_by_lmtp(server)
    check_fill_with_mail(server)
    check_live_view(server)
