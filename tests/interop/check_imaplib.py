"""Python's imaplib: a whole session over TLS and one over STARTTLS, every command that it has a method for."""

import imaplib
import time

from run import equal, flags, ok, uids

MESSAGE = (b"From: Anna <anna@example.org>\r\nTo: Bert <bert@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
           b"Date: Tue, 24 Nov 2026 09:00:00 +0100\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
           b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
           b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n")


def body(data):
    return next(item[1] for item in data if isinstance(item, tuple))


def starttls(server):
    client = imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=60)
    assert "LOGINDISABLED" in client.capabilities, client.capabilities
    try:
        client.login(server.user, server.password)
        raise AssertionError("a password was taken without TLS")
    except imaplib.IMAP4.error:
        pass
    ok(client.starttls(server.tls()))
    assert "LOGINDISABLED" not in client.capabilities, client.capabilities
    try:
        client.login(server.user, "wrong")
        raise AssertionError("a wrong password was taken")
    except imaplib.IMAP4.error:
        pass
    ok(client.authenticate("PLAIN", lambda _: f"\0{server.user}\0{server.password}".encode()))
    ok(client.noop())
    client.logout()


def mailboxes(client):
    for name in ("Work", "Work/2026", '"With Space"'):
        ok(client.create(name))
    ok(client.rename("Work/2026", "Work/2027"))
    names = {line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in ok(client.list())}
    assert {"INBOX", "Work", "Work/2027", "With Space"} <= names, names
    ok(client.subscribe("Work"))
    assert any(b"Work" in line for line in ok(client.lsub()))
    ok(client.unsubscribe("Work"))
    equal(client.create("Work")[0], "NO", "creating what exists")
    equal(client.select("Nowhere")[0], "NO", "selecting what does not exist")
    ok(client.delete('"With Space"'))
    ok(client.namespace())


def messages(client):
    ok(client.select("INBOX"))
    date = imaplib.Time2Internaldate(time.mktime((2026, 11, 24, 9, 0, 0, 0, 0, -1)))
    ok(client.append("INBOX", "(\\Seen $Label1)", date, MESSAGE))
    ok(client.append("INBOX", None, None, b"Subject: second\r\n\r\n\r\n"))
    ok(client.noop())
    first, second = uids(client)
    equal(flags(client, first), {"\\Seen", "$Label1"}, "flags of APPEND")
    equal(body(ok(client.uid("FETCH", str(first), "(BODY.PEEK[])"))), MESSAGE, "the message")
    equal(body(ok(client.uid("FETCH", str(first), "(BODY.PEEK[1])"))), b"Gr\xc3\xbc\xc3\x9fe", "its first part")
    equal(body(ok(client.uid("FETCH", str(first), "(BODY.PEEK[]<6.4>)"))), b"Anna", "a piece of it")
    structure = str(ok(client.fetch("1", "(BODYSTRUCTURE ENVELOPE INTERNALDATE RFC822.SIZE)")))
    assert "image" in structure.lower() and "24-Nov-2026" in structure, structure

    equal(uids(client, "SEEN"), [first], "SEARCH SEEN")
    equal(uids(client, "SUBJECT", "second"), [second], "SEARCH SUBJECT")
    equal(uids(client, "CHARSET", "UTF-8", "KEYWORD", "$Label1"), [first], "SEARCH KEYWORD")
    client.literal = "Grüße".encode()
    equal(uids(client, "CHARSET", "UTF-8", "SUBJECT"), [first], "SEARCH SUBJECT with a literal")

    ok(client.uid("STORE", str(second), "+FLAGS", "(\\Flagged)"))
    equal(flags(client, second), {"\\Flagged"}, "flags after STORE")
    ok(client.uid("COPY", str(first), "Work"))
    ok(client.uid("MOVE", str(second), "Work"))
    equal(uids(client), [first], "what MOVE left")
    ok(client.uid("STORE", str(first), "+FLAGS", "(\\Deleted)"))
    ok(client.expunge())
    equal(uids(client), [], "what EXPUNGE left")
    ok(client.close())
    ok(client.select("Work", readonly=True))
    equal(len(uids(client)), 2, "messages in Work")
    assert b"MESSAGES 2" in ok(client.status("Work", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0]
    ok(client.unselect())


def two_sessions(server):
    one, two = server.imap(), server.imap()
    ok(one.select("INBOX"))
    ok(two.select("INBOX"))
    server.deliver("to both")
    ok(one.noop())
    ok(two.noop())
    uid = uids(one)[-1]
    ok(one.uid("STORE", str(uid), "+FLAGS", "(\\Flagged)"))
    ok(two.noop())
    equal(flags(two, uid), {"\\Flagged"}, "a flag that the other session set")
    one.logout()
    two.logout()


def run(server):
    starttls(server)
    client = server.imap()
    mailboxes(client)
    messages(client)
    client.logout()
    two_sessions(server)
