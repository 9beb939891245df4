"""imapflow (Node.js) with QRESYNC goes away and returns. See imapflow/returning.mjs."""

import json
import os
import subprocess

import check_imapflow
import returning
from run import equal, flags, ok, uids


def prepare(server):
    check_imapflow.prepare(server)


def run(server):
    returning.fill(server)
    environment = dict(os.environ, IMAPS_PORT=str(server.port("imaps")), IMAP_USER=server.user,
                       IMAP_PASSWORD=server.password, NODE_EXTRA_CA_CERTS=server.certificate)
    process = subprocess.Popen(["node", "returning.mjs"], cwd=check_imapflow.installed(), env=environment, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(process.stdout.readline(), "away\n", "the first visit")
    returning.change(server)
    output, _ = process.communicate("back\n", timeout=120)
    equal(process.returncode, 0, f"node's exit code, with {output}")
    client = server.imap()
    ok(client.select("INBOX", readonly=True))
    equal({int(uid): set(names) for uid, names in json.loads(output.splitlines()[-1]).items()},
          {uid: flags(client, uid) for uid in uids(client)}, "what imapflow knows after its return")
    client.logout()
