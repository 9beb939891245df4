"""What the checks of returning clients share: mail, a change of everything while the client is away, and states."""

import email
import mailbox
import os

from run import ok, uids

MAILDIR_FLAGS = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}


def fill(server):
    server.deliver("one", "two", "three", "four")
    client = server.imap()
    ok(client.create("Work"))
    ok(client.append("Work", "(\\Flagged)", None, b"Subject: work\r\nMessage-ID: <work@example.org>\r\n\r\nx\r\n"))
    client.logout()


def change(server):
    """By another session: one message new, one flagged, one expunged, one moved, one flag taken away."""
    client = server.imap()
    ok(client.select("INBOX"))
    first, second, third, _ = uids(client)
    ok(client.uid("STORE", str(first), "+FLAGS", "(\\Flagged \\Seen)"))
    ok(client.uid("STORE", str(second), "+FLAGS", "(\\Deleted)"))
    ok(client.expunge())
    ok(client.uid("MOVE", str(third), "Work"))
    ok(client.append("INBOX", "(\\Answered)", None, b"Subject: five\r\nMessage-ID: <five@example.org>\r\n\r\nx\r\n"))
    ok(client.select("Work"))
    ok(client.uid("STORE", str(uids(client)[0]), "-FLAGS", "(\\Flagged)"))
    client.logout()


def on_server(server, names=("INBOX", "Work")):
    """For each mailbox (subject, Maildir flags) in order of the subjects."""
    client = server.imap()
    state = {}
    for name in names:
        ok(client.select(name, readonly=True))
        state[name] = []
        for uid in uids(client):
            data = ok(client.uid("FETCH", str(uid), "(FLAGS BODY.PEEK[HEADER])"))
            text = b" ".join(part if isinstance(part, bytes) else part[0] for part in data).decode()
            header = next(part[1] for part in data if isinstance(part, tuple))
            letters = "".join(sorted(letter for flag, letter in MAILDIR_FLAGS.items() if flag in text))
            state[name].append((email.message_from_bytes(header)["Subject"], letters))
        state[name].sort()
    client.logout()
    return state


def in_maildirs(path, names=("INBOX", "Work")):
    state = {}
    for name in names:
        box = mailbox.Maildir(os.path.join(path, name), create=False)
        state[name] = sorted((message["Subject"], "".join(sorted(message.get_flags()))) for message in box)
    return state
