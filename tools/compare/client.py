"""Lean IMAP and LMTP clients over blocking sockets: what is measured is the server. Every answer is checked."""

import selectors
import socket
import ssl
import time

from servers import PASSWORD

TAG = b"zq7"
RECEIVE_BYTES = 1 << 20
TIMEOUT_SECONDS = 600


class Wrong(Exception):
    """A server answered other than it must: the figure would mean nothing."""


class Client:
    """One IMAP connection. Commands are sent one at a time, or as a prepared batch."""

    def __init__(self, server, user=None, tls=False, greeted=True):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["imaps" if tls else "imap"]))
        self.socket.settimeout(TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        if greeted:
            self.wait_for_greeting()
        if user:
            self.run(f"LOGIN {user} {PASSWORD}")

    def wait_for_greeting(self):
        if not self.socket.recv(4096).startswith(b"* OK"):
            raise Wrong("no greeting")

    def send(self, data):
        self.socket.sendall(data)

    def until_tagged(self, tag=TAG):
        """Everything to the tagged line of the one command under way; that line must be OK."""
        chunks = []
        tail = b""
        while True:
            chunk = self.socket.recv(RECEIVE_BYTES)
            if not chunk:
                raise Wrong(f"closed after {tail!r}")
            chunks.append(chunk)
            tail = (tail + chunk)[-512:]
            if tail.endswith(b"\r\n"):
                last = tail[:-2].rfind(b"\r\n")
                line = tail[last + 2 if last >= 0 else 0:]
                if line.startswith(tag + b" "):
                    if not line.startswith(tag + b" OK"):
                        raise Wrong(line.decode("latin-1"))
                    return chunks

    def run(self, command):
        """The whole answer, joined."""
        self.send(TAG + b" " + command.encode() + b"\r\n")
        return b"".join(self.until_tagged())

    def timed(self, command):
        """Seconds until the tagged line was here, and the answer."""
        data = TAG + b" " + command.encode() + b"\r\n"
        start = time.perf_counter()
        self.send(data)
        chunks = self.until_tagged()
        seconds = time.perf_counter() - start
        return seconds, b"".join(chunks)

    def idle(self):
        self.send(TAG + b" IDLE\r\n")
        if b"+ " not in self.socket.recv(4096):
            raise Wrong("IDLE was not taken")

    def append(self, mailbox, messages):
        """MULTIAPPEND of (flags, date, text) without waiting for continuations."""
        parts = [TAG + b" APPEND " + mailbox.encode()]
        for flags, date, text in messages:
            parts.append(f' ({flags}) "{date}" {{{len(text)}+}}\r\n'.encode() + text)
        self.send(b"".join(parts) + b"\r\n")
        self.until_tagged()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def count(answer, marker, wanted, what):
    found = answer.count(marker)
    if found != wanted:
        raise Wrong(f"{what}: {found}, not {wanted}")


def drive(connections, seconds):
    """Runs closed loops over many sockets from one thread. Each connection is (socket, generator): the generator yields
    what to send and is sent what came, once its end is there; it yields (bytes, end, done) where `done` counts finished
    messages. Returns (done, elapsed seconds)."""
    selector = selectors.DefaultSelector()
    deadline = time.perf_counter() + seconds
    start = time.perf_counter()
    done = 0
    waiting = 0
    for sock, loop in connections:
        data, end, _ = next(loop)
        sock.sendall(data)
        selector.register(sock, selectors.EVENT_READ, [sock, loop, end, b""])
        waiting += 1
    while waiting:
        for key, _ in selector.select():
            entry = key.data
            chunk = entry[0].recv(65536)
            if not chunk:
                raise Wrong("closed under load")
            entry[3] += chunk
            if entry[2] not in entry[3] or not entry[3].endswith(b"\r\n"):
                if b" NO " in entry[3] or b" BAD " in entry[3]:
                    raise Wrong(entry[3].decode("latin-1"))
                continue
            data, end, finished = entry[1].send(entry[3])
            done += finished
            if finished and time.perf_counter() >= deadline:
                selector.unregister(entry[0])
                waiting -= 1
                continue
            entry[2], entry[3] = end, b""
            entry[0].sendall(data)
    return done, time.perf_counter() - start


def append_loop(mailbox, text):
    """IMAP: one APPEND after the other."""
    command = TAG + f" APPEND {mailbox} {{{len(text)}+}}\r\n".encode() + text + b"\r\n"
    end = TAG + b" OK"
    yield command, end, 0
    while True:
        yield command, end, 1


def lmtp_connect(server):
    sock = socket.create_connection(("127.0.0.1", server.ports["lmtp"]))
    sock.settimeout(TIMEOUT_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.recv(4096)
    sock.sendall(b"LHLO compare\r\n")
    answer = b""
    while not any(line.startswith(b"250 ") for line in answer.splitlines()):
        answer += sock.recv(4096)
    return sock


def lmtp_loop(user, text):
    """LMTP: one message after the other, MAIL, RCPT and DATA together."""
    envelope = f"MAIL FROM:<a@example.org>\r\nRCPT TO:<{user}>\r\nDATA\r\n".encode()
    body = text + b".\r\n"
    answer = yield envelope, b"354", 0
    while True:
        answer = yield body, b"250", 0
        if not answer.startswith(b"250"):
            raise Wrong(answer.decode("latin-1"))
        answer = yield envelope, b"354", 1
