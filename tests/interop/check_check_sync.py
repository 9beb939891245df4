"""check-sync against the program as people get it: all styles of clients, and SIGKILL in the middle of each phase."""

import os
import shlex
import socket
import subprocess
import sys

SEEDS = (1, 2)
OPERATIONS = 3000
PHASE = 1000
START = False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def restarter(server, port):
    """A script that kills the server, if it runs, and starts it again; it returns once the server is ready."""
    path = server.path("restart.py")
    serve = [server.tidemark, "serve", "--data", server.data, "--imap", f"127.0.0.1:{port}", "--imaps", "none",
             "--lmtp", "none", "--allow-plaintext"]
    with open(path, "w", encoding="utf-8") as script:
        # A killed server holds its lock until its last thread is gone; waiting for the lock waits for that.
        script.write(f"""import fcntl, os, signal, subprocess, sys
pid_file = {server.path("pid")!r}
def kill():
    if not os.path.exists(pid_file): return
    pid = int(open(pid_file).read())
    os.kill(pid, signal.SIGKILL)
    with open({os.path.join(server.data, "lock")!r}, "r+b") as lock: fcntl.lockf(lock, fcntl.LOCK_EX)
    os.remove(pid_file)
kill()
if "stop" not in sys.argv:
    log = open({server.log!r}, "ab")
    server = subprocess.Popen({serve!r}, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    open(pid_file, "w").write(str(server.pid))
    sys.exit(not server.stdout.readline().startswith(b"tidemark ready"))
""")
    return [sys.executable, path]


def run(server):
    server.init()
    port = free_port()
    restart = restarter(server, port)
    subprocess.run(restart, check=True)
    try:
        for seed in SEEDS:
            said = server.command(
                "check-sync", "--server", f"127.0.0.1:{port}", "--user", server.user, "--password", server.password,
                "--sessions", "8", "--observers", "8", "--operations", str(OPERATIONS), "--phase", str(PHASE),
                "--seed", str(seed), "--restart-command", shlex.join(restart))
            assert f"{OPERATIONS // PHASE} restarts" in said and said.endswith("no violation\n"), said
            print(said, end="")
        assert os.path.exists(server.path("pid"))
    finally:
        subprocess.run([*restart, "stop"], check=True)
