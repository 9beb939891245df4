#!/usr/bin/env python3
"""run.py TIDEMARK CHECK [--ready LINE]

Starts `TIDEMARK serve` on free ports with a data directory of its own and runs check_CHECK.py against it: run(server).
With --ready nothing is started: LINE is the ready line of a server that has the account anna with the password below.
Exit 0: passed. 1: failed. 77: skipped, because a program that the check needs is not installed.
"""

import argparse
import fcntl
import imaplib
import importlib
import os
import pty
import re
import shutil
import signal
import smtplib
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import traceback

USER = "anna"
PASSWORD = "correct horse-7"
SKIPPED = 77
READY_TIMEOUT_SECONDS = 60


class Skip(Exception):
    """The check can not run here; the text says what is missing."""


class Server:
    def __init__(self, tidemark):
        self.tidemark = tidemark
        self.user = USER
        self.password = PASSWORD
        self.directory = tempfile.mkdtemp(prefix="tidemark-interop-")
        self.data = os.path.join(self.directory, "data")
        self.process = None
        self.addresses = {}
        self.log = os.path.join(self.directory, "server.log")

    # The program

    def command(self, *arguments, input_text="", expect=0):
        """Runs a subcommand; its stdout. `expect` None: the whole result, whatever the exit code."""
        run = subprocess.run([self.tidemark, *arguments], input=input_text, capture_output=True, text=True, timeout=300)
        if expect is None:
            return run
        if run.returncode != expect:
            raise AssertionError(f"tidemark {' '.join(arguments)}: exit {run.returncode}, not {expect}\n"
                                 f"{run.stdout}{run.stderr}")
        return run.stdout

    def init(self):
        self.command("init", self.data, "--account", self.user, input_text=self.password + "\n")

    def start(self, *flags):
        """Starts the server and waits for its ready line."""
        command = [self.tidemark, "serve", "--data", self.data, "--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0",
                   "--lmtp", "127.0.0.1:0", *flags]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        timer = threading.Timer(READY_TIMEOUT_SECONDS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise AssertionError(f"the server ended with {self.process.wait()} before it was ready")
        self.use(line)

    def use(self, ready_line):
        words = ready_line.split()
        if words[:2] != ["tidemark", "ready"]:
            raise AssertionError(f"not a ready line: {ready_line!r}")
        self.addresses = dict(word.split("=", 1) for word in words[2:])

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process = None
        return status

    def close(self, keep):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        if keep:
            if os.path.exists(self.log):
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    print("--- server log, its last lines\n" + "".join(log.readlines()[-100:]))
        shutil.rmtree(self.directory, ignore_errors=True)

    # Its addresses

    def port(self, name):
        if name not in self.addresses:
            raise Skip(f"the server does not listen for {name}")
        return int(self.addresses[name].rsplit(":", 1)[1])

    @property
    def certificate(self):
        """The server's certificate as PEM in a file, fetched from it."""
        path = os.path.join(self.directory, "certificate.pem")
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(ssl.get_server_certificate(("127.0.0.1", self.port("imaps"))))
        return path

    def path(self, name):
        return os.path.join(self.directory, name)

    # Clients that several checks need

    def tls(self):
        context = ssl.create_default_context(cafile=self.certificate)
        context.check_hostname = False
        return context

    def imap(self, login=True):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=self.tls(), timeout=60)
        if login:
            client.login(self.user, self.password)
        return client

    def deliver(self, *subjects, recipient=None, body="Hello.\n"):
        """Hands messages in by LMTP."""
        texts = [f"From: Bert <bert@example.org>\r\nTo: {self.user}@example.org\r\nSubject: {subject}\r\n"
                 f"Date: Wed, 25 Nov 2026 10:00:00 +0100\r\nMessage-ID: <{subject}@example.org>\r\n\r\n"
                 + body.replace("\n", "\r\n") for subject in subjects]
        with smtplib.LMTP("127.0.0.1", self.port("lmtp")) as client:
            for text in texts:
                client.sendmail("bert@example.org", [recipient or self.user], text.encode())


def on_terminal(command, columns, rows):
    """Runs a command whose stderr is a terminal of that size: exit code, stdout, and all that the terminal was sent."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    sent = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # EIO: nobody has the terminal open any more
            break
        if not part:
            break
        sent += part
    os.close(master)
    said = process.stdout.read()
    process.stdout.close()
    return process.wait(timeout=60), said, sent.decode()


def need(program):
    """The program's path, or the check is skipped."""
    path = shutil.which(program)
    if path is None:
        raise Skip(f"{program} is not installed")
    return path


def ok(answer):
    """imaplib's (status, data) of a command that must succeed: the data."""
    status, data = answer
    if status != "OK":
        raise AssertionError(f"{status} {data}")
    return data


def equal(actual, expected, what=""):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, not {expected!r}")


def uids(client, *criteria):
    """The answer of UID SEARCH as numbers."""
    words = ok(client.uid("SEARCH", *(criteria or ("ALL",))))[0] or b""
    return [int(word) for word in words.split()]


def flags(client, uid):
    data = ok(client.uid("FETCH", str(uid), "(FLAGS)"))
    found = re.search(rb"FLAGS \(([^)]*)\)", b" ".join(item if isinstance(item, bytes) else item[0] for item in data if item))
    return {flag.decode() for flag in found.group(1).split()} - {"\\Recent"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tidemark")
    parser.add_argument("check")
    parser.add_argument("--ready", help="use the server that printed this line")
    parser.add_argument("--user", default=USER)
    parser.add_argument("--password", default=PASSWORD)
    arguments = parser.parse_args()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.modules["run"] = sys.modules["__main__"]
    check = importlib.import_module("check_" + arguments.check)

    server = Server(os.path.abspath(arguments.tidemark))
    server.user, server.password = arguments.user, arguments.password
    failed = False
    try:
        # Missing clients are told before a server is started.
        if hasattr(check, "prepare"):
            check.prepare(server)
        if arguments.ready:
            server.use(arguments.ready)
        elif getattr(check, "START", True):
            server.init()
            server.start()
        check.run(server)
        if server.process is not None:
            equal(server.stop(), 0, "the server's exit code")
    except Skip as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    except Exception:  # whatever a client library throws
        traceback.print_exc(file=sys.stdout)
        failed = True
        return 1
    finally:
        server.close(keep=failed)
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
