"""Lets a command that `loadtest compare --before` runs restart a server that this process has started.

The other end is this file as a program: control.py SOCKET NAME; it ends well when the server is ready again.
"""

import os
import socket
import sys
import threading


class Control:
    """Listens in `directory`; `actions` are functions by name. Each is called on a thread of this object while the
    process's own thread waits for the load test."""

    def __init__(self, directory, actions):
        self.path = os.path.join(directory, "control.sock")
        self.actions = actions
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def command(self, name):
        return f"{sys.executable} {os.path.abspath(__file__)} {self.path} {name}"

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                name = connection.makefile("r", encoding="utf-8").readline().strip()
                try:
                    self.actions[name]()
                    answer = "done"
                except Exception as problem:  # whatever it is, it is the asker's to tell
                    answer = f"{name}: {problem!r}"
                connection.sendall(answer.encode() + b"\n")

    def close(self):
        # A close alone would leave accept() waiting.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        os.unlink(self.path)


def ask(path, name):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(name.encode() + b"\n")
        return connection.makefile("r", encoding="utf-8").readline().strip()


if __name__ == "__main__":
    said = ask(sys.argv[1], sys.argv[2])
    if said != "done":
        sys.exit(said or "no answer")
