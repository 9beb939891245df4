"""The program itself: init, serve, account, import, export, status, ctl, signals, and what goes wrong."""

import imaplib
import json
import os
import signal

from run import equal, flags, ok, uids


def accounts(server):
    names = [json.loads(line)["name"] for line in
             server.command("account", "list", "--json", "--data", server.data).splitlines()]
    return sorted(names)


def check_accounts(server):
    """Works the same with and without a running server."""
    server.command("account", "add", "--data", server.data, "bert", input_text="one\n")
    equal(accounts(server), [server.user, "bert"], "accounts")
    equal(server.command("account", "add", "--data", server.data, "bert", input_text="x\n", expect=None).returncode, 1,
          "adding what exists")
    server.command("account", "passwd", "--data", server.data, "bert", input_text="two\n")
    server.command("account", "remove", "--data", server.data, "bert")
    equal(accounts(server), [server.user], "accounts")
    equal(server.command("account", "remove", "--data", server.data, "bert", expect=None).returncode, 1,
          "removing what does not exist")
    lines = server.path("accounts")
    with open(lines, "w", encoding="utf-8") as file:
        file.write("# comment\n\ncarl:secret\ndora:{PLAIN}other\n")
    server.command("account", "import", lines, "--data", server.data)
    equal(accounts(server), [server.user, "carl", "dora"], "accounts after import")
    server.command("account", "remove", "--data", server.data, "carl")
    server.command("account", "remove", "--data", server.data, "dora")


def maildir(server):
    root = server.path("maildir")
    for folder in ("", ".Work", ".Work.2026"):
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(root, folder, part))
    for name, text in {
        "cur/1600000000.M1P1.h:2,S": "Subject: read\n\nx\n",
        "cur/1600000001.M1P1.h:2,Fa": "Subject: marked\n\nx\n",
        "new/1600000002.M1P1.h": "Subject: new\n\nx\n",
        ".Work.2026/cur/1600000003.M1P1.h:2,RS": "Subject: work\n\nx\n",
        "dovecot-keywords": "0 $Label1\n",
    }.items():
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)
    return root


def check_import(server, source):
    """A second import of the same brings nothing in."""
    for count in (4, 0):
        said = server.command("import", "maildir", source, "--data", server.data, "--account", server.user)
        assert said.startswith(f"{count} imported"), said
    equal(server.command("import", "maildir", server.path("nowhere"), "--data", server.data, "--account", server.user,
                         expect=None).returncode, 3, "importing what is not there")


def check_import_running(server):
    """Into a server that runs; it tells its clients at once. Exporting wants the server stopped."""
    path = server.path("old.mbox")
    large = "y" * 70 + "\n"
    with open(path, "w", encoding="utf-8") as file:
        for number in range(450):
            file.write("From MAILER-DAEMON Mon Nov 25 10:44:58 2024\nStatus: RO\nX-Keywords: old\n"
                       f"Subject: number {number}\n\nFrom here: {number}\n{large * 40000 if number == 7 else ''}\n")
    client = server.imap()
    ok(client.create("Old"))
    ok(client.select("Old"))
    for count in (450, 0):
        said = server.command("import", "mbox", path, "--data", server.data, "--account", server.user, "--mailbox", "Old")
        assert said.startswith(f"{count} imported"), said
        ok(client.noop())
        equal(len(uids(client)), 450, "messages imported into a running server")
    equal(flags(client, 450), {"\\Seen", "old"}, "imported flags")
    assert b"25-Nov-2024 10:44:58" in ok(client.fetch("1", "(INTERNALDATE)"))[0]
    equal(len(ok(client.fetch("8", "(BODY.PEEK[TEXT])"))[0][1]), 40000 * 72 + len("From here: 7\r\n"), "a large message")
    left = [name for name in os.listdir(os.path.join(server.data, "imports")) if not name.endswith(".ledger")]
    equal(left, [], "files left behind")
    refused = server.command("export", "mbox", server.path("never"), "--data", server.data, "--account", server.user,
                             expect=None)
    equal(refused.returncode, 3, "exporting while a server runs")
    assert "server" in refused.stderr, refused.stderr
    client.delete("Old")
    client.logout()


def check_export(server):
    target = server.path("exported")
    server.command("export", "maildir", target, "--data", server.data, "--account", server.user)
    found = sorted(name.rsplit(":2,", 1)[1] for name in os.listdir(os.path.join(target, "cur")))
    equal(found, ["", "Fa", "S"], "flags of the exported Maildir")
    equal(len(os.listdir(os.path.join(target, ".Work.2026", "cur"))), 1, "messages of the exported folder")
    server.command("export", "mbox", server.path("exported-mbox"), "--data", server.data, "--account", server.user)
    with open(server.path("exported-mbox/INBOX.mbox"), encoding="utf-8") as file:
        equal(sum(line.startswith("From ") for line in file), 3, "messages of the exported mbox")


def check_imap(server):
    client = server.imap()
    ok(client.select("INBOX"))
    equal([flags(client, uid) for uid in uids(client)], [{"\\Seen"}, {"\\Flagged", "$Label1"}, set()], "imported flags")
    ok(client.select("Work/2026"))
    equal(len(uids(client)), 1, "messages in the imported folder")
    assert b"13-Sep-2020" in ok(client.fetch("1", "(INTERNALDATE)"))[0]
    client.logout()


def check_running(server):
    status = json.loads(server.command("status", "--json", "--data", server.data))
    assert status["version"], status
    server.command("status", "--data", server.data)
    server.command("ctl", "connections", "--data", server.data)
    equal(server.command("ctl", "no_such_method", "--data", server.data, expect=None).returncode, 1, "an unknown method")
    second = server.command("serve", "--data", server.data, "--imap", "127.0.0.1:0", "--imaps", "none", "--lmtp", "none",
                            "--admin", server.path("second.sock"), expect=None)
    equal(second.returncode, 3, f"a second server on the directory, which said {second.stderr}")
    mode = os.stat(os.path.join(server.data, "admin.sock")).st_mode & 0o777
    equal(mode, 0o600, "the admin socket's mode")


def check_reload(server):
    """SIGHUP keeps connections; the server answers after it."""
    client = server.imap()
    server.process.send_signal(signal.SIGHUP)
    ok(client.noop())
    server.imap().logout()
    client.logout()


def check_libraries(server):
    """BoringSSL and OpenSSL have the same names: only one of them may be in the process (design §7)."""
    with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as maps:
        libraries = {line.split()[-1] for line in maps if ".so" in line}
    for name in libraries:
        base = os.path.basename(name)
        if base.startswith(("libssl", "libcrypto")) and "/android/" not in name:
            raise AssertionError(f"{name} is loaded beside BoringSSL")


def check_end(server):
    client = server.imap()
    ok(client.select("INBOX"))
    equal(server.stop(), 0, "the exit code after SIGTERM")
    try:
        status, _ = client.noop()
        raise AssertionError(f"the server answered {status} after its end")
    except imaplib.IMAP4.abort as bye:
        assert "BYE" in str(bye) or client.untagged_responses.get("BYE") or "EOF" in str(bye), bye


START = False


def run(server):
    server.init()
    equal(server.command("init", server.data, expect=None).returncode, 1, "init of a directory that exists")
    server.command("config", "check", os.path.join(server.data, "tidemark.toml"))
    equal(os.stat(server.data).st_mode & 0o777, 0o700, "the data directory's mode")
    check_accounts(server)
    check_import(server, maildir(server))
    server.start()
    check_running(server)
    check_libraries(server)
    check_imap(server)
    check_accounts(server)
    check_import_running(server)
    check_reload(server)
    check_end(server)
    check_export(server)
    # Killed at any moment, everything that was acknowledged is there.
    server.start()
    server.deliver("last")
    server.process.kill()
    server.process.wait()
    server.process.stdout.close()
    server.start()
    client = server.imap()
    ok(client.select("INBOX"))
    equal(uids(client, "SUBJECT", "last")[-1:], uids(client)[-1:], "the message delivered before the kill")
    client.logout()
