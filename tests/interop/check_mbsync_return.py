"""mbsync goes away, the mailboxes change, it returns and has what the server has."""

import os
import subprocess

import returning
from mbsync_config import write_config
from run import equal, need


def prepare(_):
    need("mbsync")


def run(server):
    mail = server.path("mail")
    os.makedirs(mail)
    os.makedirs(server.path("state"))
    config = write_config(server, mail, "Near")

    def sync():
        result = subprocess.run(["mbsync", "--config", config, "--all"], capture_output=True, text=True, timeout=300)
        equal(result.returncode, 0, f"mbsync's exit code, with {result.stdout}{result.stderr}")

    returning.fill(server)
    sync()
    equal(returning.in_maildirs(mail), returning.on_server(server), "after the first run")
    returning.change(server)
    sync()
    equal(returning.in_maildirs(mail), returning.on_server(server), "after the return")
