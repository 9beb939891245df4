"""mbsync goes away, the mailboxes change, it returns and has what the server has."""

import os
import subprocess

import returning
from run import equal, need


def prepare(_):
    need("mbsync")


def run(server):
    mail = server.path("mail")
    os.makedirs(mail)
    os.makedirs(server.path("state"))
    config = server.path("mbsyncrc")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""
IMAPAccount server
Host localhost
Port {server.port("imaps")}
User {server.user}
Pass "{server.password}"
SSLType IMAPS
CertificateFile {server.certificate}
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Remove Near
Expunge Near
SyncState {server.path("state")}/
""")

    def sync():
        result = subprocess.run(["mbsync", "--config", config, "--all"], capture_output=True, text=True, timeout=300)
        equal(result.returncode, 0, f"mbsync's exit code, with {result.stdout}{result.stderr}")

    returning.fill(server)
    sync()
    equal(returning.in_maildirs(mail), returning.on_server(server), "after the first run")
    returning.change(server)
    sync()
    equal(returning.in_maildirs(mail), returning.on_server(server), "after the return")
