"""One client that is alone with its account, changes it as fast as it is answered, and remembers every state."""

import calendar
import os
import random
import re
import sys
import threading
import time

import history as changes
from history import History, Impossible, Message

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools", "compare"))

import corpus  # noqa: E402
from client import Client, Wrong  # noqa: E402

MESSAGES_MAX = 150  # of a mailbox; above, it is emptied
SIZE_MAX = 60_000   # bytes of a message
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "$Work", "later")


def uid_set(uids):
    return ",".join(str(uid) for uid in uids)


def expand(text):
    """The UIDs of "3:5,9"."""
    uids = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        uids.extend(range(int(first), int(last or first) + 1))
    return uids


def text_of(subject, size, letter):
    """What a message with that subject and about that size says; read_back() of the campaign knows it again."""
    line = letter * 70 + "\r\n"
    return f"Subject: {subject}\r\n\r\n{line * (size // len(line))}{subject}\r\n".encode()


class Writer(threading.Thread):
    """From start() until `ending` is set or the server is gone; `failure` then says what was wrong. With the history
    of a writer whose server died it goes on from there, and what is found must be what was told."""

    def __init__(self, server, user, seed, past=None):
        super().__init__(daemon=True)
        self.user, self.random = user, random.Random(f"{user} {seed}")
        self.ending = threading.Event()
        self.failure = None
        self.next_date = corpus.FIRST_DAY + seed * 1_000_000
        self.client = Client(server, user)
        self.client.run("ENABLE CONDSTORE")
        modseq, state = self.look()
        if past is None:
            past = History(modseq, state)
        elif modseq == past.modseq + 1:
            past.replace(modseq, state)  # the one command that was on its way when the server died
        elif modseq != past.modseq:
            raise Impossible(f"{user}: modseq {modseq} after a crash, {past.modseq} was told before")
        elif lines := changes.difference(past.state, state, True):
            raise Impossible(f"{user}: other than before the crash: {lines}")
        self.history = past
        self.history.add(modseq + 1, changes.created("Marker"))
        self.history.add(modseq + 2, changes.deleted("Marker"))

    def look(self):
        """The account's modseq and its state, as a client sees it. Takes two modseqs."""
        state = {}
        for name in re.findall(rb'\* LIST \([^)]*\) "/" "?([^"\r]+)"?\r\n', self.client.run('LIST "" "*"')):
            name = name.decode()
            self.client.run(f"EXAMINE {name}")
            state[name] = {}
            answer = self.client.run("UID FETCH 1:* (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)")
            for line in answer.split(b"\r\n"):
                if b" FETCH (" in line:
                    uid, one = self.message(line.decode())
                    state[name][uid] = one
        self.client.run("UNSELECT")
        self.client.run("CREATE Marker")
        modseq = self.modseq_of("Marker") - 1
        self.client.run("DELETE Marker")
        return modseq, state

    @staticmethod
    def message(line):
        def field(pattern):
            return re.search(pattern, line).group(1)
        date = time.strptime(field(r'INTERNALDATE "([^"]+) \+0000"').strip(), "%d-%b-%Y %H:%M:%S")
        return int(field(r"\bUID (\d+)")), Message(
            calendar.timegm(date), int(field(r"RFC822.SIZE (\d+)")),
            frozenset(field(r"FLAGS \(([^)]*)\)").split()) - {"\\Recent"}, int(field(r"MODSEQ \((\d+)\)")))

    def modseq_of(self, mailbox):
        answer = self.client.run(f"STATUS {mailbox} (HIGHESTMODSEQ)")
        return int(re.search(rb"HIGHESTMODSEQ (\d+)", answer).group(1))

    # What it does

    def run(self):
        work = (self.append, self.append, self.append, self.append, self.flag, self.flag, self.move, self.copy,
                self.expunge, self.make, self.rename_or_delete)
        try:
            if "Other" not in self.history.state:
                self.client.run("CREATE Other")
                self.did("Other", changes.created("Other"))
            while not self.ending.is_set():
                self.random.choice(work)()
        except (OSError, Wrong) as error:
            self.failure = error  # the server is gone: its driver knows whether it should be
        except Exception as error:  # pylint: disable=broad-except
            self.failure = Impossible(f"{self.user}: {type(error).__name__} {error}")

    def did(self, mailbox, change):
        """`mailbox` was changed: to its modseq, which must be the next."""
        modseq = self.modseq_of(mailbox)
        if modseq != self.history.modseq + 1:
            raise Impossible(f"{self.user}: {mailbox} has modseq {modseq} after one change to {self.history.modseq}")
        self.history.add(modseq, change)

    def some_of(self, mailbox):
        """The mailbox is selected, and these are about a third of its UIDs."""
        self.client.run(f"SELECT {mailbox}")
        return [uid for uid in self.history.state[mailbox] if self.random.random() < 0.3]

    def append(self):
        mailbox = self.random.choice(("INBOX", "INBOX", "Other"))
        if len(self.history.state[mailbox]) > MESSAGES_MAX:
            self.expunge(mailbox, 0.8)
            return
        batch = {}
        parts = []
        for _ in range(self.random.choice((1, 1, 1, 5))):
            flags = frozenset(self.random.sample(FLAGS, self.random.randrange(3)))
            size = int(self.random.paretovariate(0.8) * 400)
            text = text_of(f"{self.user} {self.next_date}", min(size, SIZE_MAX), self.random.choice("abcdefgh"))
            parts.append((" ".join(sorted(flags)), corpus.internal_date(self.next_date), text))
            batch[len(batch)] = (self.next_date, len(text), flags)
            self.next_date += 1
        data = [f"zq7 APPEND {mailbox}".encode()]
        for flags, date, text in parts:
            data.append(f' ({flags}) "{date}" {{{len(text)}+}}\r\n'.encode() + text)
        self.client.send(b"".join(data) + b"\r\n")
        answer = b"".join(self.client.until_tagged()).decode()
        uids = expand(re.search(r"APPENDUID \d+ ([\d:,]+)", answer).group(1))
        self.did(mailbox, changes.added(mailbox, dict(zip(uids, batch.values(), strict=True))))

    def flag(self):
        uids = self.some_of("INBOX")
        flag, on = self.random.choice(FLAGS), self.random.random() < 0.6
        state = self.history.state["INBOX"]
        if any((flag in state[uid].flags) != on for uid in uids):
            self.client.run(f"UID STORE {uid_set(uids)} {'+' if on else '-'}FLAGS.SILENT ({flag})")
            self.did("INBOX", changes.flagged("INBOX", uids, flag, on))

    def expunge(self, mailbox="INBOX", share=None):
        uids = self.some_of(mailbox)
        if share is not None:
            uids = [uid for uid in self.history.state[mailbox] if self.random.random() < share]
        if not uids:
            return
        unmarked = [uid for uid in uids if "\\Deleted" not in self.history.state[mailbox][uid].flags]
        if unmarked:
            self.client.run(f"UID STORE {uid_set(unmarked)} +FLAGS.SILENT (\\Deleted)")
            self.did(mailbox, changes.flagged(mailbox, unmarked, "\\Deleted", True))
        self.client.run(f"UID EXPUNGE {uid_set(uids)}")
        self.did(mailbox, changes.expunged(mailbox, uids))

    def move(self):
        self.transfer("MOVE", keep=False)

    def copy(self):
        self.transfer("COPY", keep=True)

    def transfer(self, command, keep):
        uids = self.some_of("INBOX")
        if not uids:
            return
        answer = self.client.run(f"UID {command} {uid_set(uids)} Other").decode()
        old, new = re.search(r"COPYUID \d+ ([\d:,]+) ([\d:,]+)", answer).groups()
        self.did("Other", changes.moved("INBOX", "Other", list(zip(expand(old), expand(new), strict=True)), keep))

    def make(self):
        name = f"Box{self.random.randrange(4)}"
        if name not in self.history.state:
            self.client.run(f"CREATE {name}")
            self.did(name, changes.created(name))

    def rename_or_delete(self):
        names = [name for name in self.history.state if name.startswith("Box")]
        if self.random.random() < 0.3 and len(self.history.state["Other"]) > 0:
            # A mailbox with messages goes, all of them with it.
            self.client.run("DELETE Other")
            self.history.add(self.history.modseq + 1, changes.deleted("Other"))
            self.client.run("CREATE Other")
            self.did("Other", changes.created("Other"))
        elif names:
            name = self.random.choice(names)
            if self.random.random() < 0.5:
                self.client.run(f"DELETE {name}")
                self.history.add(self.history.modseq + 1, changes.deleted(name))
            elif (new := name + "x") not in self.history.state:
                self.client.run(f"RENAME {name} {new}")
                self.did(new, changes.renamed(name, new))
