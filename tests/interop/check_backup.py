"""Backups of a running server: quiet, refused with a reason, incremental, pruned; a killed one leaves nothing."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from run import equal, ok, on_terminal, uids


def dump(server, directory):
    return server.command("dump", directory)


def backup(server, name, *arguments, expect=0):
    run = server.command("backup", server.path(name), "--data", server.data, *arguments, expect=None)
    equal(run.returncode, expect, f"exit of backup {name}: {run.stdout}{run.stderr}")
    return run


def check_quiet(server):
    run = backup(server, "b1")
    equal((run.stdout, run.stderr), ("", ""), "what a clean backup prints")
    told = json.loads(backup(server, "b2", "--json").stdout)
    assert told["messages"] == 3 and told["links"] > 0 and told["pause_micros"] >= 0, told
    config = os.listdir(server.path("b2/config"))
    equal(config, ["tidemark.toml"], "configuration in a backup")
    backup(server, "b3", "--with-keys")
    equal(sorted(os.listdir(server.path("b3/config"))), ["tidemark.toml", "tls-certificate.pem", "tls-key.pem"],
          "configuration with keys")
    equal(os.stat(server.path("b3/config/tls-key.pem")).st_mode & 0o077, 0, "who may read the key")


# So slow that the server tells of it more than once: the small files are copied, one after the other.
SLOW = ("--max-rate", "30")


def check_bars(server):
    """A terminal shows bars on stderr that end at 100 %; nothing of them goes anywhere else."""
    repaired = server.path("repaired")
    for words, parts in (
            (["backup", server.path("t1"), "--data", server.data, *SLOW], ["backing up"]),
            (["verifydata", server.path("t1")], ["comparing digests", "checking accounts", "reading mail"]),
            (["restore", server.path("t1"), server.path("t2")], ["checking digests", "restoring", "reading mail"]),
            (["repair", server.path("t2"), "--into", repaired], ["reading mail", "writing mail"])):
        code, said, sent = on_terminal([server.tidemark, *words], 100, 24)
        equal(code, 0, f"exit of {words[0]} on a terminal: {sent}")
        if words[0] != "repair":
            equal(said, "", f"stdout of {words[0]} on a terminal")
        assert "\x1b" not in said, said
        # Each picture begins at the line's start; a finished bar ends its line.
        lines = [line.split("\r")[-1].removesuffix("\x1b[K") for line in sent.split("\r\n")]
        equal(lines.pop(), "", f"what is behind the last bar of {words[0]}")
        for part in parts:
            shown = [line for line in lines if line.startswith(part + " [")]
            equal(len(shown), 1, f"bars of {part} in {sent!r}")
            assert "#] 100% " in shown[0] and ".]" not in shown[0], shown
        assert all(len(line) < 100 for line in lines), lines
    shutil.rmtree(repaired)
    code, said, sent = on_terminal([server.tidemark, "backup", server.path("t3"), "--data", server.data, "--json", *SLOW], 100, 24)
    equal(code, 0, "exit of a backup on a terminal")
    told = json.loads(said)
    assert f" 100% {told['bytes']}/{told['bytes']} bytes" in sent, (told, sent)
    # The same without a terminal.
    run = backup(server, "t4", *SLOW)
    equal((run.stdout, run.stderr), ("", ""), "what a slow backup prints")
    for words in (["verifydata", server.path("t4")], ["restore", server.path("t4"), server.path("t5")]):
        run = server.command(*words, expect=None)
        equal((run.returncode, run.stdout, run.stderr), (0, "", ""), f"{words[0]} without a terminal")


def check_refused(server):
    for name, expect in (("b1", 1), ("none/b", 1), ("data/b", 1), ("data", 1)):
        run = backup(server, name, expect=expect)
        assert run.stdout == "" and run.stderr.startswith("tidemark: the server made no backup: "), run
        assert run.stderr.count("\n") == 1, run
    backup(server, "x", "--max-rate", "much", expect=2)
    equal(sorted(name for name in os.listdir(server.directory) if name.startswith("b")), ["b1", "b2", "b3"], "backups")


def check_incremental(server):
    server.deliver("later")
    told = json.loads(backup(server, "b4", "--since", server.path("b3"), "--json").stdout)
    equal((told["messages"], told["omitted"]), (4, 0), "an incremental backup")
    told = json.loads(backup(server, "b5", "--since", server.path("b4"), "--omit-unchanged", "--json").stdout)
    assert told["omitted"] > 0, told


def check_other_file_system(server):
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(server.directory).st_dev:
        return
    other = tempfile.mkdtemp(prefix="tidemark-backup-", dir="/dev/shm")
    try:
        run = server.command("backup", os.path.join(other, "b"), "--data", server.data, "--json")
        told = json.loads(run)
        assert told["links"] == 0 and told["copied_bytes"] == told["bytes"], told
        equal(dump(server, os.path.join(other, "b")), dump(server, server.path("b4")), "dump of a copy and of links")
        # One that is slow: another is refused, and with the server killed nothing of it is a backup.
        command = [server.tidemark, "backup", os.path.join(other, "slow"), "--data", server.data, "--max-rate", "1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as slow:
            while len(os.listdir(other)) < 2:
                assert slow.poll() is None, slow.communicate()
                time.sleep(0.02)
            busy = backup(server, "busy", expect=1)
            assert "is being made" in busy.stderr, busy.stderr
            status = json.loads(server.command("status", "--json", "--data", server.data))["backup"]
            equal(status["running"]["destination"], os.path.join(other, "slow"), "status of a backup")
            # Its client is interrupted: it is given up.
            slow.send_signal(signal.SIGINT)
            slow.wait(timeout=30)
        for _ in range(300):
            if os.listdir(other) == ["b"]:
                break
            time.sleep(0.1)
        equal(os.listdir(other), ["b"], "what is left of a backup that was given up")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as slow:
            while len(os.listdir(other)) < 2:
                assert slow.poll() is None, slow.communicate()
                time.sleep(0.02)
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()
            server.process = None
            equal(slow.wait(timeout=60), 3, "exit of a backup whose server was killed")
        assert not os.path.exists(os.path.join(other, "slow"))
        server.start()
        equal(os.listdir(other), ["b"], "what is left of a killed backup after a start")
    finally:
        shutil.rmtree(other)


def check_prune(server):
    directory = server.path("many")
    os.mkdir(directory)
    for number in range(4):
        server.command("backup", os.path.join(directory, str(number)), "--data", server.data)
    said = server.command("backups", "prune", directory, "--keep-last", "2", "--dry-run")
    equal(said, "1 would be removed\n0 would be removed\n", "a dry run")
    equal(server.command("backups", "prune", directory, "--keep-last", "2"), "", "what pruning prints")
    equal(sorted(os.listdir(directory)), ["2", "3"], "backups after pruning")
    equal(len(server.command("backups", "list", directory).splitlines()), 2, "listed backups")
    equal(server.command("backups", "list", server.path("nowhere"), expect=None).returncode, 3, "listing nothing")


def check_schedule(server):
    """A server makes one when it starts and there is none."""
    server.stop()
    directory = server.path("scheduled")
    os.mkdir(directory)
    path = os.path.join(server.data, "tidemark.toml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("[backup]\n", f'[backup]\nevery = "1h"\ndirectory = "{directory}"\nkeep_last = 3\n'))
    server.command("config", "check", path)
    server.start()
    for _ in range(300):
        names = os.listdir(directory)
        if names and "unfinished" not in names[0]:
            break
        time.sleep(0.1)
    equal(len(names), 1, "scheduled backups")
    for _ in range(300):
        status = json.loads(server.command("status", "--json", "--data", server.data))["backup"]
        if status["last"]:
            break
        time.sleep(0.1)
    assert status["last"]["well"] and status["last"]["destination"].startswith(directory), status
    lines = server.command("status", "--data", server.data).splitlines()
    at = lines.index("backup:")
    assert f"    destination: {status['last']['destination']}" in lines[lines.index("  last:", at):], lines[at:]


def check_verify(server):
    verify = ("verify", "--online", "--data", server.data)
    equal(server.command(*verify), "", "what a clean verification prints")
    told = json.loads(server.command(*verify, "--json", "--quick", "--threads", "2"))
    equal((told["well"], told["counts"]["messages"]), (True, 4), "a verification")
    equal(os.path.exists(os.path.join(server.data, "verification")), False, "what a verification leaves")
    equal(server.command("verify", "--data", server.data, expect=None).returncode, 2, "exit of verify without --online")


def check_part_restored(server):
    """A mailbox of a backup beside what the running server has, whole and as it was before."""
    part = ("restore", server.path("b4"), "--online", "--data", server.data, "--account", server.user,
            "--mailbox", "INBOX")
    run = server.command(*part, expect=None)
    equal(run.returncode, 1, "exit of a restore onto a mailbox that is there")
    assert "already" in run.stderr, run.stderr
    equal(server.command(*part, "--as", "Again"), "", "what a restore of a part prints")
    client = server.imap()
    ok(client.select("INBOX"))
    highest = int(client.response("HIGHESTMODSEQ")[1][0])
    ok(client.select("Again"))
    equal(len(uids(client)), 4, "messages of a restored mailbox")
    client.logout()
    server.command(*part, "--as", "Before", "--at", str(highest - 1))
    client = server.imap()
    ok(client.select("Before"))
    equal(len(uids(client)), 3, "messages of a mailbox as it was before its last change")
    client.logout()
    equal(server.command(*part, "--as", "Early", "--at", "1999-01-01T00:00:00Z", expect=None).returncode, 1,
          "exit of a restore of what no log tells")


def check_damaged(server):
    """A byte of a message changes below a running server."""
    mail = os.path.join(server.data, "mail")
    for name in os.listdir(mail):
        with open(os.path.join(mail, name), "r+b") as segment:
            at = segment.read().find(b"Subject: two")
            if at >= 0:
                segment.seek(at)
                segment.write(b"s")
                break
    else:
        raise AssertionError("no segment holds the message")
    run = server.command("verify", "--online", "--data", server.data, expect=None)
    equal((run.returncode, run.stderr), (1, ""), "exit of a verification that finds something")
    assert run.stdout.startswith("body-crc ") and run.stdout.count("\n") == 1 and name in run.stdout, run.stdout
    online = server.command("verify", "--online", "--data", server.data, "--json", expect=None)
    equal((online.returncode, online.stderr), (1, ""), "exit of a verification in JSON")
    server.stop()
    alone = server.command("verifydata", server.data, "--json", expect=None)
    findings = json.loads(online.stdout)["findings"]
    equal(findings, json.loads(alone.stdout)["findings"], "findings of the server and of verifydata")
    equal((len(findings), findings[0]["code"], findings[0]["account"], findings[0]["file"]),
          (1, "body-crc", server.user, f"mail/{name}"), "a finding")
    server.start()


def run(server):
    server.deliver("one", "two", "three")
    check_quiet(server)
    check_bars(server)
    check_refused(server)
    check_incremental(server)
    check_other_file_system(server)
    check_prune(server)
    client = server.imap()
    ok(client.select("INBOX"))
    equal(len(uids(client)), 4, "messages at the end")
    client.logout()
    check_verify(server)
    check_part_restored(server)
    check_schedule(server)
    last = server.path("last")
    server.command("backup", last, "--data", server.data)
    server.stop()
    equal(dump(server, last), dump(server, server.data), "dump of the last backup and of the directory")
    equal(server.command("backup", server.path("stopped"), "--data", server.data, expect=None).returncode, 3,
          "a backup without a server")
    equal(server.command("verify", "--online", "--data", server.data, expect=None).returncode, 3,
          "a verification without a server")
    server.start()
    check_damaged(server)
