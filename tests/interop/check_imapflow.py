"""imapflow (Node.js): a session with CONDSTORE, QRESYNC, IDLE and MOVE. See imapflow/session.mjs."""

import os
import shutil
import subprocess

from run import Skip, equal, need

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "imapflow")


def installed():
    """The folder with node_modules, under build/; installed once for a lock file."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(FOLDER)))
    target = os.path.join(root, "build", "interop", "imapflow")
    os.makedirs(target, exist_ok=True)
    lock = os.path.join(FOLDER, "package-lock.json")
    mark = os.path.join(target, "installed-lock.json")
    with open(lock, encoding="utf-8") as wanted:
        text = wanted.read()
    have = ""
    if os.path.exists(mark):
        with open(mark, encoding="utf-8") as file:
            have = file.read()
    for name in ("package.json", "package-lock.json", "session.mjs", "returning.mjs"):
        shutil.copy(os.path.join(FOLDER, name), target)
    if have != text:
        result = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=target,
                                capture_output=True, text=True, timeout=600)
        if result.returncode != 0:
            raise Skip(f"npm can not install imapflow: {result.stderr[-500:]}")
        with open(mark, "w", encoding="utf-8") as file:
            file.write(text)
    return target


def prepare(_):
    need("node")
    need("npm")
    installed()


def run(server):
    server.deliver("one", "two", "three")
    environment = dict(os.environ, IMAPS_PORT=str(server.port("imaps")), IMAP_USER=server.user,
                       IMAP_PASSWORD=server.password, LMTP_PORT=str(server.port("lmtp") if "lmtp" in server.addresses else ""),
                       NODE_EXTRA_CA_CERTS=server.certificate)
    result = subprocess.run(["node", "session.mjs"], cwd=installed(), env=environment, capture_output=True, text=True,
                            timeout=180)
    equal(result.returncode, 0, f"node's exit code, with\n{result.stdout}\n{result.stderr}")
