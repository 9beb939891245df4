"""mbsync: both ways between a Maildir and the server; a second run changes nothing."""

import os
import subprocess

from mbsync_config import write_config
from run import equal, flags, need, ok, uids


def prepare(_):
    need("mbsync")


def run(server):
    mail = server.path("mail")
    os.makedirs(mail)
    config = write_config(server, mail, "Both")
    os.makedirs(server.path("state"))

    def sync():
        result = subprocess.run(["mbsync", "--config", config, "--all"], capture_output=True, text=True, timeout=300)
        equal(result.returncode, 0, f"mbsync's exit code, with {result.stdout}{result.stderr}")

    def local():
        """Everything in the Maildir: path below it and time of change."""
        return sorted((os.path.relpath(os.path.join(where, name), mail), os.stat(os.path.join(where, name)).st_mtime)
                      for where, _, names in os.walk(mail) for name in names if not name.startswith("."))

    def messages(mailbox):
        return [name for name, _ in local() if name.startswith((mailbox + "/cur/", mailbox + "/new/"))]

    def remote():
        client = server.imap()
        state = []
        for name in ("INBOX", "Work"):
            ok(client.select(name, readonly=True))
            state.append((name, [(uid, flags(client, uid)) for uid in uids(client)]))
        client.logout()
        return state

    server.deliver("one", "two", "three")
    client = server.imap()
    ok(client.create("Work"))
    ok(client.append("Work", "(\\Flagged)", None, b"Subject: work\r\n\r\nx\r\n"))
    sync()
    equal(len(messages("INBOX")), 3, "messages in the Maildir")
    equal(len(messages("Work")), 1, "messages in the Maildir's Work")

    before = local(), remote()
    sync()
    equal((local(), remote()), before, "what a second run left")

    # The near side deletes one, marks one and adds one; the far side marks and deletes.
    one, two, _ = (os.path.join(mail, name) for name in messages("INBOX"))
    base = os.path.basename(one).split(":")[0]
    os.rename(one, os.path.join(mail, "INBOX", "cur", base + ":2,ST"))
    base = os.path.basename(two).split(":")[0]
    os.rename(two, os.path.join(mail, "INBOX", "cur", base + ":2,FS"))
    with open(os.path.join(mail, "Work", "new", "1700000000.M1P1.here"), "wb") as file:
        file.write(b"Subject: from here\n\ny\n")
    ok(client.select("INBOX"))
    ok(client.uid("STORE", str(uids(client)[-1]), "+FLAGS", "(\\Answered)"))
    sync()
    ok(client.noop())
    left = uids(client)
    equal(len(left), 2, "messages on the server after one was deleted here")
    equal([flags(client, uid) for uid in left], [{"\\Flagged", "\\Seen"}, {"\\Answered"}], "flags on the server")
    ok(client.select("Work"))
    equal(len(uids(client)), 2, "messages in the server's Work")
    client.logout()

    before = local(), remote()
    sync()
    equal((local(), remote()), before, "what the last run left")
