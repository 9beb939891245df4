"""imapflow (Node.js): a session with CONDSTORE, QRESYNC, IDLE and MOVE. See imapflow/session.mjs."""

import fcntl
import os
import shutil
import subprocess

from run import Skip, equal, need

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "imapflow")
FILES = ("package.json", "package-lock.json", "session.mjs", "returning.mjs")


def installed():
    """The folder with node_modules, under build/; installed once for a lock file. Two checks use it and run at once: the
    lock lets one of them install while the other waits, for npm begins by removing what is there."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(FOLDER)))
    target = os.path.join(root, "build", "interop", "imapflow")
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(root, "build", "interop", "imapflow.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install(target)
    return target


def install(target):
    """Brings what is in `target` up to date; the mark is written last, so that a half-installed folder has none."""
    mark = os.path.join(target, "installed.json")
    text = "".join(read(os.path.join(FOLDER, name)) for name in FILES)
    if os.path.exists(mark) and read(mark) == text:
        return
    if os.path.exists(mark):
        os.remove(mark)
    for name in FILES:
        shutil.copy(os.path.join(FOLDER, name), target)
    result = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=target,
                            capture_output=True, text=True, timeout=600)
    if result.returncode != 0:
        raise Skip(f"npm can not install imapflow: {result.stderr[-500:]}")
    with open(mark, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


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
