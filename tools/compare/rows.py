"""The rows of the table: how each is measured on one server. A row's `measure` gives costs, each a number of which less
is better: `cpu` (server's processor seconds an operation), `wall` (seconds an operation) or `memory` (bytes). The ratio
is that of `primary`."""

import random
import re
import selectors
import time

import client as imap
import corpus
from client import Client, Wrong, count
from servers import PASSWORD, USERS

BIG = 100_000
BIG_BYTES = 1200
MID = 10_000
MID_BYTES = 4096
LARGE = 64
LARGE_BYTES = 1 << 20
IDLE_CONNECTIONS = 1000
QUICK = 10  # --quick has this part of the messages
CPU_SECONDS_MIN = 0.25  # the clock of a process tree is too coarse for less
WALL_SECONDS_MIN = 0.1


class Row:
    def __init__(self, key, title, floor, aim, primary, unit):
        self.key, self.title, self.floor, self.aim, self.primary, self.unit = key, title, floor, aim, primary, unit
        self.sessions = {}

    def session(self, server, user, mailbox="INBOX"):
        """A session that stays for the row; one for each server."""
        if server.name not in self.sessions:
            self.sessions[server.name] = Client(server, user)
            self.sessions[server.name].run(f"SELECT {mailbox}")
        return self.sessions[server.name]

    def end(self):
        for one in self.sessions.values():
            one.close()
        self.sessions = {}


class Command(Row):
    """One command in a session on a selected mailbox, again and again; `check` looks at each answer."""

    def __init__(self, *arguments, user, command, check):
        super().__init__(*arguments)
        self.user, self.command, self.check = user, command, check
        self.times = {}

    def measure(self, server):
        session = self.session(server, self.user)
        if server.name not in self.times:
            before = server.cpu_seconds()
            seconds, answer = session.timed(self.command)
            self.check(answer)
            used = max(server.cpu_seconds() - before, 1e-6)
            least = CPU_SECONDS_MIN / used if self.primary == "cpu" else WALL_SECONDS_MIN / seconds
            self.times[server.name] = max(3, min(2000, round(least)))
            session.timed(self.command)
        times = self.times[server.name]
        walls = []
        before = server.cpu_seconds()
        for _ in range(times):
            seconds, answer = session.timed(self.command)
            walls.append(seconds)
        used = server.cpu_seconds() - before
        self.check(answer)
        return {"cpu": used / times, "wall": sorted(walls)[times // 2]}


def fetches(number, *markers):
    def check(answer):
        count(answer, b" FETCH (", number, "answers")
        for marker in markers:
            if answer.count(marker) < number:
                raise Wrong(f"{marker!r} is missing: {answer[:300]!r}")
    return check


def literal_bytes(number, size):
    def check(answer):
        count(answer, b" FETCH (", number, "answers")
        if len(answer) < number * size * 0.95:
            raise Wrong(f"{len(answer)} bytes are too few")
    return check


def found(wanted):
    def check(answer):
        numbers = answer.split(b"\r\n", 1)[0].split()[2:]
        if len(numbers) != wanted:
            raise Wrong(f"found {len(numbers)}, not {wanted}")
    return check


# What the searches must find, computed from the corpus.
def _expected():
    flagged_unseen = sum(1 for n in range(BIG) if n % 5 == 0 and n % 20 != 7)
    return {"flags": flagged_unseen, "date": BIG // 2}


def split_date():
    return corpus.FIRST_DAY + (BIG // 2) * 700


def shrink():
    """For --quick. Before the first call of anything here."""
    global BIG, MID, LARGE  # pylint: disable=global-statement
    BIG, MID, LARGE = BIG // QUICK, MID // QUICK, LARGE // QUICK


class PipelinedNoop(Row):
    def measure(self, server):
        session = self.session(server, "big")
        batch, times = 1000, 20
        data = b"".join(b"n%d NOOP\r\n" % n for n in range(batch - 1)) + imap.TAG + b" NOOP\r\n"
        before = server.cpu_seconds()
        start = time.perf_counter()
        for _ in range(times):
            session.send(data)
            answer = b"".join(session.until_tagged())
            count(answer, b" OK ", batch, "NOOPs")
        wall = time.perf_counter() - start
        return {"cpu": (server.cpu_seconds() - before) / batch / times, "wall": wall / batch / times}


class NoopRoundTrip(Row):
    def measure(self, server):
        session = self.session(server, "u1")
        line = imap.TAG + b" NOOP\r\n"
        walls = []
        with server.on_one_processor():
            before = server.cpu_seconds()
            for _ in range(4000):
                start = time.perf_counter()
                session.socket.sendall(line)
                answer = session.socket.recv(4096)
                walls.append(time.perf_counter() - start)
                if not answer.startswith(imap.TAG + b" OK"):
                    raise Wrong(answer.decode())
        return {"wall": sorted(walls)[len(walls) // 2], "cpu": (server.cpu_seconds() - before) / len(walls)}


class Logins(Row):
    """Connect, greeting, LOGIN, LOGOUT, by accounts whose password was right before; `at_once` clients, each a step
    ahead of the server, as a server has them that is busy: a single one measures how it falls asleep and wakes up."""

    def __init__(self, *arguments, at_once):
        super().__init__(*arguments)
        self.at_once = at_once

    def measure(self, server):
        times = 400 if self.at_once == 1 else 1600
        if server.name not in self.sessions:
            for _ in range(2):
                self.login(server, [f"u{n}" for n in range(1, 101)])
            self.sessions[server.name] = Client(server, "u1")
            time.sleep(0.3)
        before = server.cpu_seconds()
        start = time.perf_counter()
        for first in range(0, times, self.at_once):
            self.login(server, [f"u{n % 100 + 1}" for n in range(first, first + self.at_once)])
        wall = time.perf_counter() - start
        time.sleep(0.3)  # what a process still does after its client has gone
        return {"cpu": (server.cpu_seconds() - before) / times, "wall": wall / times}

    @staticmethod
    def login(server, users):
        clients = [Client(server, greeted=False) for _ in users]
        for one in clients:
            one.wait_for_greeting()
        for one, user in zip(clients, users):
            one.send(imap.TAG + f" LOGIN {user} {PASSWORD}\r\n".encode())
        for one in clients:
            one.until_tagged()
        for one in clients:
            one.send(imap.TAG + b" LOGOUT\r\n")
        for one in clients:
            one.until_tagged()
            one.close()


class Select(Row):
    """`when` is "first" (of a session, while another has the mailbox open), "again" (in the same session), "pipelined"
    (the same, many sent at once: the SELECT without the round trip) or "restarted" (first after a start)."""

    def __init__(self, *arguments, when):
        super().__init__(*arguments)
        self.when = when

    def measure(self, server):
        if self.when == "first":
            self.session(server, "big")
            walls = []
            for _ in range(200):
                with Client(server, "big") as session, server.on_one_processor():
                    seconds, answer = session.timed("SELECT INBOX")
                count(answer, f"* {BIG} EXISTS".encode(), 1, "EXISTS")
                walls.append(seconds)
            return {"wall": sorted(walls)[100]}
        if self.when == "restarted":
            walls = []
            for _ in range(3):
                server.restart()
                with Client(server, "big") as session:
                    seconds, answer = session.timed("SELECT INBOX")
                count(answer, f"* {BIG} EXISTS".encode(), 1, "EXISTS")
                walls.append(seconds)
            return {"wall": sorted(walls)[1]}
        session = self.session(server, "big")
        walls = []
        if self.when == "pipelined":
            at_once, times = 50, 100
            lines = b"".join(f"p{n} SELECT INBOX\r\n".encode() for n in range(at_once))
            for turn in range(times + 1):
                if turn == 1:  # the first has warmed both
                    before = server.cpu_seconds()
                start = time.perf_counter()
                session.send(lines)
                answer = b"".join(session.until_tagged(f"p{at_once - 1}".encode()))
                walls.append((time.perf_counter() - start) / at_once)
                count(answer, f"* {BIG} EXISTS".encode(), at_once, "EXISTS")
            return {"wall": sorted(walls)[times // 2], "cpu": (server.cpu_seconds() - before) / at_once / times}
        with server.on_one_processor():
            before = server.cpu_seconds()
            for _ in range(500):
                seconds, answer = session.timed("SELECT INBOX")
                walls.append(seconds)
        count(answer, f"* {BIG} EXISTS".encode(), 1, "EXISTS")
        return {"wall": sorted(walls)[250], "cpu": (server.cpu_seconds() - before) / 500}


class Idle(Row):
    """Memory of connections in IDLE on INBOX, two for each account, after a start of the server."""

    def __init__(self, *arguments, tls=False, hibernate=False):
        super().__init__(*arguments)
        self.tls, self.hibernate = tls, hibernate

    def measure(self, server):
        server.stop()
        server.start(hibernate_seconds=1 if self.hibernate else 0)
        with Client(server, "u1", tls=self.tls) as one:
            one.run("SELECT INBOX")
        time.sleep(1)
        before = server.memory_bytes()
        clients = []
        for n in range(IDLE_CONNECTIONS):
            one = Client(server, f"u{n // 2 % USERS + 1}", tls=self.tls)
            one.run("SELECT INBOX")
            one.idle()
            clients.append(one)
        time.sleep(6 if self.hibernate else 1)
        memory = (server.memory_bytes() - before) / IDLE_CONNECTIONS
        for one in clients[:: IDLE_CONNECTIONS // 10]:
            one.send(b"DONE\r\n")
            one.until_tagged()
        for one in clients:
            one.close()
        server.restart()
        return {"memory": memory}


class Store(Row):
    def measure(self, server):
        session = self.session(server, "mid")
        walls, before = [], server.cpu_seconds()
        for sign in "+-" * 10:
            seconds, answer = session.timed(f"STORE 1:* {sign}FLAGS (\\Draft)")
            count(answer, b" FETCH (", MID, "answers")
            walls.append(seconds)
        return {"wall": sorted(walls)[10], "cpu": (server.cpu_seconds() - before) / len(walls)}


class CopyMove(Row):
    def __init__(self, *arguments, verb):
        super().__init__(*arguments)
        self.verb = verb

    def measure(self, server):
        if self.verb == "COPY":
            session = self.session(server, "mid")
            session.run("CREATE Target")
            before = server.cpu_seconds()
            seconds, answer = session.timed("COPY 1:* Target")
            used = server.cpu_seconds() - before
            if b"COPYUID" not in answer:
                raise Wrong(answer[-200:].decode())
            count(session.run("STATUS Target (MESSAGES)"), f"MESSAGES {MID}".encode(), 1, "copied messages")
            session.run("DELETE Target")
            return {"wall": seconds, "cpu": used}
        # Away and back, each from a session that has just selected.
        walls, before = [], server.cpu_seconds()
        session = self.session(server, "churn")
        for source, target in (("Moving", "Other"), ("Other", "Moving")):
            count(session.run(f"SELECT {source}"), f"* {MID} EXISTS".encode(), 1, "EXISTS")
            seconds, answer = session.timed(f"MOVE 1:* {target}")
            count(session.run(f"STATUS {target} (MESSAGES)"), f"MESSAGES {MID}".encode(), 1, "moved messages")
            walls.append(seconds)
        return {"wall": sum(walls) / 2, "cpu": (server.cpu_seconds() - before) / 2}


class Append(Row):
    SECONDS = 2.0

    def __init__(self, *arguments, connections, lmtp=False):
        super().__init__(*arguments)
        self.connections, self.lmtp = connections, lmtp

    def measure(self, server):
        text = corpus.message(1, 4096)[2]
        clients, loops = [], []
        users = [f"u{n + 101}" for n in range(self.connections)]
        for user in users:
            if self.lmtp:
                sock = imap.lmtp_connect(server)
                loops.append((sock, imap.lmtp_loop(user, text)))
            else:
                one = Client(server, user)
                clients.append(one)
                loops.append((one.socket, imap.append_loop("INBOX", text)))
        before = self.messages(server, users)
        used = server.cpu_seconds()
        done, elapsed = imap.drive(loops, self.SECONDS)
        used = server.cpu_seconds() - used
        for sock, _ in loops:
            sock.close()
        after = self.messages(server, users)
        if after - before != done:
            raise Wrong(f"{after - before} messages are there, {done} were acknowledged")
        self.clear(server, users)
        return {"wall": elapsed / done, "cpu": used / done}

    @staticmethod
    def messages(server, users):
        total = 0
        for user in users:
            with Client(server, user) as one:
                total += int(re.search(rb"MESSAGES (\d+)", one.run("STATUS INBOX (MESSAGES)")).group(1))
        return total

    @staticmethod
    def clear(server, users):
        for user in users:
            with Client(server, user) as one:
                one.run("SELECT INBOX")
                one.run("UID STORE 2:* +FLAGS.SILENT (\\Deleted)")
                one.run("EXPUNGE")


class Qresync(Row):
    """50 flag changes and 50 expunges that the client has not seen; the same answer each time."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.parameters = {}

    def measure(self, server):
        session = self.session(server, "big", "Sync")
        if server.name not in self.parameters:
            with Client(server, "big") as other:
                # What an earlier run on the same data has set would be no change.
                messages = int(re.search(rb"\* (\d+) EXISTS", other.run("SELECT Sync")).group(1))
                other.run("STORE 1:* -FLAGS.SILENT ($Label2)")
                other.run("UNSELECT")
                answer = other.run("STATUS Sync (UIDVALIDITY HIGHESTMODSEQ)")
                validity, modseq = (re.search(rb"%s (\d+)" % word, answer).group(1).decode()
                                    for word in (b"UIDVALIDITY", b"HIGHESTMODSEQ"))
                other.run("SELECT Sync")
                source = random.Random(3)
                chosen = source.sample(range(1, messages - 200), 100)
                for at, sequence in enumerate(chosen):
                    other.run(f"STORE {sequence} +FLAGS.SILENT ({'$Label2' if at % 2 else chr(92) + 'Deleted'})")
                other.run("EXPUNGE")
            self.parameters[server.name] = f"SELECT Sync (QRESYNC ({validity} {modseq}))"
            session.run("ENABLE QRESYNC")
        walls, before = [], server.cpu_seconds()
        for _ in range(20):
            seconds, answer = session.timed(self.parameters[server.name])
            walls.append(seconds)
        used = server.cpu_seconds() - before
        count(answer, b" FETCH (", 50, "changed messages")
        gone = re.search(rb"VANISHED \(EARLIER\) ([\d:,]+)", answer).group(1)
        total = sum(int(part.split(b":")[-1]) - int(part.split(b":")[0]) + 1 for part in gone.split(b","))
        if total != 50:
            raise Wrong(f"{total} messages vanished, not 50")
        return {"wall": sorted(walls)[10], "cpu": used / 20}


class Push(Row):
    def measure(self, server):
        text = corpus.message(1, 4096)[2]
        selector = selectors.DefaultSelector()
        clients = []
        for _ in range(100):
            one = Client(server, "push")
            one.run("SELECT INBOX")
            one.idle()
            selector.register(one.socket, selectors.EVENT_READ, len(clients))
            clients.append(one)
        walls = []
        with Client(server, "push") as sender:
            for _ in range(5):
                time.sleep(0.6)  # Dovecot tells at most twice a second; each round starts quiet
                data = imap.TAG + f" APPEND INBOX {{{len(text)}+}}\r\n".encode() + text + b"\r\n"
                told = set()
                start = time.perf_counter()
                sender.send(data)
                while len(told) < len(clients):
                    events = selector.select(timeout=60)
                    if not events:
                        raise Wrong(f"only {len(told)} sessions were told")
                    for key, _ in events:
                        if b" EXISTS\r\n" in key.fileobj.recv(4096):
                            told.add(key.data)
                walls.append(time.perf_counter() - start)
                sender.until_tagged()
        for one in clients:
            one.close()
        return {"wall": sorted(walls)[2]}


def table():
    expected = _expected()
    micro, milli = ("µs", 1e6), ("ms", 1e3)
    rate = ("/s", None)

    def fetch(key, title, floor, aim, items, *markers):
        return Command(key, title, floor, aim, "cpu", milli, user="big", command=f"FETCH 1:* ({items})",
                       check=fetches(BIG, *markers))

    def search(key, title, floor, aim, user, criteria, wanted):
        return Command(key, title, floor, aim, "cpu", milli, user=user, command=f"SEARCH {criteria}",
                       check=found(wanted) if wanted is not None else lambda answer: count(answer, b"* SEARCH", 1, ""))

    day = corpus.internal_date(split_date()).split()[0]
    since = sum(1 for n in range(BIG) if (corpus.FIRST_DAY + n * 700) // 86_400 >= split_date() // 86_400)
    with_needle = MID // 100
    big, mid = f"{BIG // 1000}k", f"{MID // 1000}k"
    return [
        Idle("idle-plain", "memory per idle connection, plain, not hibernated", 50, 250, "memory", ("KiB", 1 / 1024)),
        Idle("idle-hibernated", "memory per idle connection, plain, hibernated", 1, 5, "memory", ("KiB", 1 / 1024),
             hibernate=True),
        Idle("idle-tls", "memory per idle connection, TLS", 50, 100, "memory", ("KiB", 1 / 1024), tls=True),
        Logins("logins-alone", "logins per CPU second, one after another", 10, 50, "cpu", rate, at_once=1),
        Logins("logins", "logins per CPU second, 32 at once", 10, 50, "cpu", rate, at_once=32),
        PipelinedNoop("noop-pipelined", "pipelined NOOP, server CPU", 10, 25, "cpu", micro),
        NoopRoundTrip("noop", "NOOP round trip", 1.5, 2.5, "wall", micro),
        Select("select-pipelined", f"SELECT of {big}, warm: many at once", 5, 20, "cpu", micro, when="pipelined"),
        Select("select-warm", f"SELECT of {big}, warm: first of a session", 5, 20, "wall", milli, when="first"),
        Select("select-again", f"SELECT of {big}, warm: again in a session", 5, 20, "wall", milli, when="again"),
        Select("select-restart", f"SELECT of {big}, after restart", 1, 3, "wall", milli, when="restarted"),
        fetch("fetch-flags", f"FETCH 1:* (FLAGS) of {big}", 10, 30, "FLAGS", b"FLAGS ("),
        fetch("fetch-modseq", f"FETCH 1:* (UID FLAGS MODSEQ) of {big}", 10, 25, "UID FLAGS MODSEQ", b"MODSEQ ("),
        fetch("fetch-envelope", f"FETCH 1:* (ENVELOPE) of {big}", 5, 12, "ENVELOPE", b"ENVELOPE ("),
        fetch("fetch-bodystructure", f"FETCH 1:* (BODYSTRUCTURE) of {big}", 5, 12, "BODYSTRUCTURE", b"BODYSTRUCTURE ("),
        Command("body-4k", "FETCH 1:* BODY.PEEK[], 4 KiB messages", 1.8, 3, "cpu", milli, user="mid",
                command="FETCH 1:* BODY.PEEK[]", check=literal_bytes(MID, MID_BYTES)),
        Command("body-1m", "FETCH 1:* BODY.PEEK[], 1 MiB messages", 1.5, 2.5, "cpu", milli, user="large",
                command="FETCH 1:* BODY.PEEK[]", check=literal_bytes(LARGE, LARGE_BYTES)),
        search("search-flags", f"SEARCH UNSEEN UNFLAGGED over {big}", 20, 100, "big", "UNSEEN UNFLAGGED",
               expected["flags"]),
        search("search-size", f"SEARCH LARGER 1210 over {big}", 20, 100, "big", "LARGER 1210", None),
        search("search-date", f"SEARCH SINCE over {big}", 20, 100, "big", f"SINCE {day}", since),
        search("search-subject", f"SEARCH SUBJECT over {mid}", 2, 5, "mid", "SUBJECT zebra", 0),
        search("search-header", f"SEARCH HEADER X-Mailer over {mid}", 2, 5, "mid", 'HEADER X-Mailer "compare 16"',
               sum(1 for n in range(MID) if n % 17 == 16)),
        search("search-text", f"SEARCH TEXT over {mid}", 2, 5, "mid", f"TEXT {corpus.NEEDLE}", with_needle),
        Store("store", f"STORE 1:* +FLAGS over {mid}", 2, 10, "wall", milli),
        Append("append-1", "APPEND 4 KiB durable, 1 connection", 1.5, 3, "wall", rate, connections=1),
        Append("append-64", "APPEND 4 KiB durable, 64 connections", 3, 10, "wall", rate, connections=64),
        Append("lmtp-64", "LMTP 4 KiB durable, 64 connections", 3, 10, "wall", rate, connections=64, lmtp=True),
        CopyMove("copy", f"COPY of {mid} messages", 5, 20, "wall", milli, verb="COPY"),
        CopyMove("move", f"MOVE of {mid} messages", 5, 20, "wall", milli, verb="MOVE"),
        Qresync("qresync", f"QRESYNC after 100 changes in {big}", 10, 50, "wall", milli),
        Push("push", "push to 100 idle sessions, last one told", 2, 10, "wall", milli),
    ]


def fill(server, say):
    """What the rows expect, in the same order on both servers."""
    def load(user, mailbox, number, size, at_once):
        say(f"{server.name}: {number} messages for {user} {mailbox}")
        with Client(server, user) as one:
            if mailbox != "INBOX":
                one.run(f"CREATE {mailbox}")
            for first in range(0, number, at_once):
                one.append(mailbox, [corpus.message(n, size) for n in range(first, min(first + at_once, number))])
    load("big", "INBOX", BIG, BIG_BYTES, 1000)
    load("big", "Sync", BIG, 500, 1000)
    load("mid", "INBOX", MID, MID_BYTES, 250)
    load("large", "INBOX", LARGE, LARGE_BYTES, 4)
    load("churn", "Moving", MID, 1000, 1000)
    with Client(server, "churn") as one:
        one.run("CREATE Other")
    say(f"{server.name}: one message for each of {USERS} accounts")
    for user in ["push", *(f"u{n}" for n in range(1, USERS + 1))]:
        with Client(server, user) as one:
            one.append("INBOX", [corpus.message(1, 2000)])
