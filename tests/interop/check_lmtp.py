"""smtplib's LMTP: answers for each recipient, subaddresses, and what is added to the message."""

import smtplib

from run import equal, ok, uids


def run(server):
    with smtplib.LMTP("127.0.0.1", server.port("lmtp")) as client:
        client.ehlo()
        for extension in ("pipelining", "8bitmime", "smtputf8", "size", "enhancedstatuscodes"):
            assert client.has_extn(extension), extension
        refused = client.sendmail("bert@example.org", [server.user, "nobody-here"],
                                  b"Subject: one\r\n\r\n.leading dot\r\nGr\xc3\xbc\xc3\x9fe\r\n")
        equal(list(refused), ["nobody-here"], "refused recipients")
        assert 500 <= refused["nobody-here"][0] < 600, refused
        try:
            client.sendmail("bert@example.org", ["nobody-here"], b"Subject: x\r\n\r\n")
            raise AssertionError("mail for nobody was taken")
        except smtplib.SMTPRecipientsRefused:
            pass
    imap = server.imap()
    ok(imap.create("Lists"))
    server.deliver("two", recipient=server.user + "+Lists")
    server.deliver("three", recipient=server.user + "+NoSuchFolder")
    ok(imap.select("INBOX"))
    equal(len(uids(imap)), 2, "messages in INBOX")
    text = ok(imap.fetch("1", "(BODY.PEEK[])"))[0][1]
    assert text.startswith(b"Return-Path: <bert@example.org>\r\n"), text
    assert b"\r\nReceived: " in text, text
    assert text.endswith(b"Subject: one\r\n\r\n.leading dot\r\nGr\xc3\xbc\xc3\x9fe\r\n"), text
    ok(imap.select("Lists"))
    equal(len(uids(imap)), 1, "messages in the subaddress's mailbox")
    imap.logout()
