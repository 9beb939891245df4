"""curl over imaps: append, list, search, fetch, store, and examining what came of it."""

import subprocess

from run import equal, need

MESSAGE = b"Subject: by curl\r\nFrom: a@example.org\r\n\r\nText.\r\n"


def prepare(_):
    need("curl")


def run(server):
    port = server.port("imaps")

    def curl(path, *options, expect=0):
        command = ["curl", "--silent", "--show-error", "--max-time", "60", "--cacert", server.certificate,
                   "--user", f"{server.user}:{server.password}", *options, f"imaps://localhost:{port}/{path}"]
        result = subprocess.run(command, capture_output=True, timeout=90)
        equal(result.returncode, expect, f"curl's exit code for {path} {options}, which said {result.stderr!r}")
        return result.stdout

    def append(mailbox):
        file = server.path("message.eml")
        with open(file, "wb") as out:
            out.write(MESSAGE)
        curl(mailbox, "--upload-file", file)

    assert b"INBOX" in curl("")
    curl("", "--request", "CREATE Curl")
    append("Curl")
    append("Curl")
    equal(curl("Curl;UID=1"), MESSAGE, "the message")
    equal(curl("Curl;MAILINDEX=2"), MESSAGE, "the message by its number")
    assert b"by curl" in curl("Curl;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)")
    equal(curl("Curl?SUBJECT%20curl").split()[1:], [b"SEARCH", b"1", b"2"], "SEARCH")
    curl("Curl", "--request", "STORE 1 +FLAGS \\Deleted")
    curl("Curl", "--request", "EXPUNGE")
    equal(curl("Curl?ALL").split()[1:], [b"SEARCH", b"1"], "SEARCH after EXPUNGE")
    curl("Curl", "--user", f"{server.user}:wrong", expect=67)  # 67: login denied
