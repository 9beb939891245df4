"""What one account held after each of its changes: kept as the changes, so that thousands of states cost little.

A state is {mailbox name: {uid: Message}}. It is found again by its modseq: the account has one writer, so each command
is one change, and the store numbers changes without a gap.
"""

from collections import namedtuple

# Written by the writer, and so the way to know a message again: no two of one account have the same date.
Message = namedtuple("Message", "date size flags modseq")


class Impossible(Exception):
    """An answer of the server, or a backup, that no order of events explains."""


class History:
    def __init__(self, modseq, state):
        self.steps = [(modseq, None)]  # (the account's modseq after the change, what it does to a state)
        self.state = state             # the newest
        self._cursor = (0, copy_of(state))

    @property
    def modseq(self):
        return self.steps[-1][0]

    def add(self, modseq, change):
        if modseq <= self.modseq:
            raise Impossible(f"modseq {modseq} was given out behind {self.modseq}")
        self.steps.append((modseq, change))
        change(self.state, modseq)

    def replace(self, modseq, state):
        """A new start behind a crash: what the last command did is only known from looking."""
        frozen = copy_of(state)

        def change(target, _):
            target.clear()
            target.update(copy_of(frozen))
        self.steps.append((modseq, change))
        self.state = copy_of(state)

    def at(self, modseq):
        """The state when the account's modseq was `modseq`. States are asked for in ascending order."""
        index, state = self._cursor
        while index + 1 < len(self.steps) and self.steps[index + 1][0] <= modseq:
            index += 1
            number, change = self.steps[index]
            change(state, number)
        self._cursor = (index, state)
        if self.steps[index][0] != modseq:
            raise Impossible(f"no change has modseq {modseq}: the ones around are {self.steps[index][0]} and "
                             f"{self.steps[index + 1][0] if index + 1 < len(self.steps) else 'none'}")
        return state


def copy_of(state):
    return {name: dict(messages) for name, messages in state.items()}


# The changes. Each is made once, when the server has said yes, and applied again when a state is rebuilt.

def added(mailbox, messages):
    """{uid: (date, size, flags)}"""
    def change(state, modseq):
        for uid, (date, size, flags) in messages.items():
            state[mailbox][uid] = Message(date, size, flags, modseq)
    return change


def expunged(mailbox, uids):
    def change(state, _):
        for uid in uids:
            del state[mailbox][uid]
    return change


def flagged(mailbox, uids, flag, on):
    def change(state, modseq):
        messages = state[mailbox]
        for uid in uids:
            one = messages[uid]
            flags = one.flags | {flag} if on else one.flags - {flag}
            if flags != one.flags:  # a STORE that changes nothing gives no modseq (RFC 7162 section 3.1.4)
                messages[uid] = one._replace(flags=flags, modseq=modseq)
    return change


def moved(source, target, pairs, keep=False):
    """[(uid there, uid here)]; `keep`: copied."""
    def change(state, modseq):
        for old, new in pairs:
            state[target][new] = state[source][old]._replace(modseq=modseq)
            if not keep:
                del state[source][old]
    return change


def created(mailbox):
    return lambda state, _: state.__setitem__(mailbox, {})


def deleted(mailbox):
    return lambda state, _: state.__delitem__(mailbox)


def renamed(old, new):
    return lambda state, _: state.__setitem__(new, state.pop(old))


def difference(wanted, found, with_modseq):
    """Where two states differ, as a few lines; nothing when they do not."""
    lines = []
    for name in sorted(wanted.keys() | found.keys()):
        if name not in wanted or name not in found:
            lines.append(f"mailbox {name}: only {'found' if name in found else 'in the history'}")
            continue
        here, there = wanted[name], found[name]
        if not with_modseq:
            here = {uid: one._replace(modseq=0) for uid, one in here.items()}
            there = {uid: one._replace(modseq=0) for uid, one in there.items()}
        for uid in sorted(here.keys() | there.keys()):
            if here.get(uid) != there.get(uid):
                lines.append(f"{name} {uid}: {there.get(uid)}, not {here.get(uid)}")
    return lines[:10]
