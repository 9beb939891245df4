"""offlineimap3 goes away, the mailboxes change, it returns and has what the server has."""

import os
import subprocess

import returning
from run import equal, need


def prepare(_):
    need("offlineimap")


def run(server):
    mail = server.path("mail")
    os.makedirs(mail)
    config = server.path("offlineimaprc")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""
[general]
accounts = here
metadata = {server.path("metadata")}
ui = quiet
[Account here]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {mail}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {server.port("imaps")}
remoteuser = {server.user}
remotepass = {server.password}
ssl = yes
sslcacertfile = {server.certificate}
folderfilter = lambda name: name in ("INBOX", "Work")
""")

    def sync():
        result = subprocess.run(["offlineimap", "-c", config, "-o"], capture_output=True, text=True, timeout=300,
                                env=dict(os.environ, HOME=server.directory))
        equal(result.returncode, 0, f"offlineimap's exit code, with {result.stdout}{result.stderr}")

    returning.fill(server)
    sync()
    equal(returning.in_maildirs(mail), returning.on_server(server), "after the first run")
    returning.change(server)
    sync()
    equal(returning.in_maildirs(mail), returning.on_server(server), "after the return")
