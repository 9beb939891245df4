"""Who else used the processors while something was measured: figures of time mean little on a busy machine."""

import os
import time

from servers import process_tree

TICKS = os.sysconf("SC_CLK_TCK")
BUSY_SHARE = 0.05  # of all cores; more than this by others is told


def busy_ticks(text=None):
    """Ticks that all cores spent on processes since the machine started; interrupts may be anybody's. `text` is
    /proc/stat's."""
    if text is None:
        with open("/proc/stat", encoding="ascii") as file:
            text = file.read()
    user, nice, system, _, _, _, _, steal = (int(field) for field in text.split("\n", 1)[0].split()[1:9])
    return user + nice + system + steal


def own_ticks():
    """Of this process and all below it, those that have ended and were waited for among them."""
    total = 0
    for pid in process_tree(os.getpid()):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rsplit(b")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total


class Others:
    """From its making to share(): what processes that are not ours used, as a share of all cores."""

    def __init__(self):
        self.start = time.monotonic()
        self.busy, self.own = busy_ticks(), own_ticks()

    def share(self):
        ticks = (busy_ticks() - self.busy) - (own_ticks() - self.own)
        elapsed = max(time.monotonic() - self.start, 1e-3)
        return max(ticks / TICKS / elapsed / os.cpu_count(), 0.0)

    def warning(self, what):
        """A sentence, or nothing where others were quiet."""
        share = self.share()
        return f"{what}: other processes used {share:.0%} of the machine; its times are not to be trusted." \
            if share > BUSY_SHARE else ""


def quiet(seconds=2.0):
    """The same of `seconds` of waiting."""
    others = Others()
    time.sleep(seconds)
    return others.warning("Before the start")
