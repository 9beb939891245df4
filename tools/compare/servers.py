"""The two servers that are compared, each on loopback with a directory of its own: start, stop, restart, and what the
kernel says of their processor time and memory. Dovecot's configuration is the one that favours it."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

PASSWORD = "correct-horse-7"
USERS = 1000  # u1 … u1000, for idle connections, logins and deliveries
MAILBOX_USERS = ("big", "mid", "large", "append", "churn", "push")  # what they hold: rows.py
LOAD_USERS = ("loadbig", "loadmid", "loadpush")  # and s1 … s1000, what they hold: scenarios.py
DESCRIPTORS = 18_000  # below the usual limit of a process here
READY_SECONDS = 60
STOP_SECONDS = 120


def raise_inotify_limit():
    """One instance for each idle session: Debian's 128 would make Dovecot poll and keep it from hibernating."""
    path = "/proc/sys/fs/inotify/max_user_instances"
    with open(path, encoding="ascii") as file:
        before = int(file.read())
    if before < DESCRIPTORS:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(DESCRIPTORS))


def user_names():
    return [*MAILBOX_USERS, *LOAD_USERS, *(f"{letter}{n}" for letter in "us" for n in range(1, USERS + 1))]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def process_tree(root):
    """The process and all below it."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rsplit(b")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


class Server:
    """What both have in common. `pid` is the root of its process tree. The ports of the first start are kept by all
    later ones."""

    name = ""

    def __init__(self, directory):
        self.directory = directory
        self.process = None
        self.ports = {}  # imap, imaps, lmtp

    @property
    def pid(self):
        return self.process.pid

    @contextlib.contextmanager
    def on_one_processor(self):
        """The server's whole tree and this program on one processor. A round trip between two takes as long again as the
        scheduler's choice has it (here 17 or 53 microseconds for the same NOOP): this leaves the choice out."""
        everywhere = os.sched_getaffinity(0)
        self._bind({min(everywhere)})
        try:
            yield
        finally:
            self._bind(everywhere)

    def _bind(self, processors):
        os.sched_setaffinity(0, processors)
        for pid in process_tree(self.pid):
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setaffinity(int(task), processors)

    def cpu_seconds(self):
        """Processor time of the whole tree: nanoseconds of the living threads, ticks of the processes that ended."""
        nanoseconds = 0
        ticks = 0
        for pid in process_tree(self.pid):
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat", "rb") as file:
                        nanoseconds += int(file.read().split()[0])
                with open(f"/proc/{pid}/stat", "rb") as file:
                    fields = file.read().rsplit(b")", 1)[1].split()
                ticks += int(fields[13]) + int(fields[14])
            except OSError:
                continue
        return nanoseconds / 1e9 + ticks / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self):
        """Proportional set size of the whole tree: pages that processes share are counted once."""
        kilobytes = 0
        for pid in process_tree(self.pid):
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    kilobytes += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE).group(1))
            except (OSError, AttributeError):
                continue
        return kilobytes * 1024

    def stop(self):
        if self.process is not None:
            tree = process_tree(self.pid)
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=STOP_SECONDS)
            self.process = None
            # Dovecot's master does not wait for its processes; one that still has its socket (imap-hibernate with
            # many connections) would keep the next start from listening.
            deadline = time.monotonic() + STOP_SECONDS
            while any(os.path.exists(f"/proc/{pid}") for pid in tree):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.name} did not stop")
                time.sleep(0.05)

    def restart(self):
        self.stop()
        self.start()


class Tidemark(Server):
    name = "Tidemark"

    def __init__(self, directory, program):
        super().__init__(directory)
        self.program = program
        self.data = os.path.join(directory, "data")
        self.config = os.path.join(directory, "tidemark.toml")

    @property
    def certificate(self):
        return os.path.join(self.data, "tls", "certificate.pem")

    @property
    def key(self):
        return os.path.join(self.data, "tls", "key.pem")

    def create(self, hashes):
        """The data directory with all accounts; `hashes` name -> {SCHEME}hash."""
        run = [self.program, "init", self.data, "--account", "nobody"]
        subprocess.run(run, input=PASSWORD + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
        accounts = os.path.join(self.directory, "accounts")
        with open(accounts, "w", encoding="ascii") as file:
            file.writelines(f"{name}:{text}\n" for name, text in hashes.items())
        subprocess.run([self.program, "account", "import", accounts, "--data", self.data], check=True,
                       stdout=subprocess.DEVNULL)

    def start(self, settings="", **_):
        """`settings`: more of the configuration."""
        with open(self.config, "w", encoding="ascii") as file:
            file.write("[limits]\nconnections_per_account_max = 10000\n[log]\nlevel = \"warning\"\n" + settings)
        command = [self.program, "serve", "--data", self.data, "--config", self.config, "--allow-plaintext"]
        for name in ("imap", "imaps", "lmtp"):
            command += [f"--{name}", f"127.0.0.1:{self.ports.get(name, 0)}"]
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        words = self.process.stdout.readline().split()
        if words[:2] != ["tidemark", "ready"]:
            raise RuntimeError("tidemark did not start, see " + os.path.join(self.directory, "log"))
        self.ports = {name: int(address.rsplit(":", 1)[1]) for name, address in
                      (word.split("=", 1) for word in words[2:]) if name in ("imap", "imaps", "lmtp")}


CONFIGURATION = """\
# The configuration that favours Dovecot; the reasons are in tools/bench/README.md.
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
info_log_path = /dev/null
protocols = imap lmtp
listen = 127.0.0.1
instance_name = compare
default_client_limit = {descriptors}
default_process_limit = {descriptors}
default_vsz_limit = 0
stats_writer_socket_path =
verbose_proctitle = no
mail_max_userip_connections = 0

ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}

disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_cache_size = 64M
auth_cache_ttl = 10 hours
auth_cache_verify_password_with_worker = no
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={directory}/mail/%u
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = sdbox:~/sdbox
mail_fsync = {fsync}
mailbox_list_index = yes
imap_hibernate_timeout = {hibernate}
imap_capability = +QRESYNC
protocol lmtp {{
  auth_username_format = %Ln
}}

service imap-login {{
  # The high-performance mode: one process for each core serves all logins.
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = {descriptors}
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  # Processes are used again for the next client, and some wait for one.
  service_count = {imap_service_count}
  process_min_avail = 4
  process_limit = {descriptors}
  client_limit = 1
  unix_listener imap-master {{
    user = $default_internal_user
  }}
}}
service imap-hibernate {{
  client_limit = {descriptors}
  process_limit = 1
  unix_listener imap-hibernate {{
    mode = 0666
  }}
}}
service lmtp {{
  service_count = 0
  process_min_avail = 8
  process_limit = 256
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service auth {{
  client_limit = {descriptors}
}}
service anvil {{
  client_limit = {descriptors}
}}
"""


class Dovecot(Server):
    name = "Dovecot"

    def __init__(self, directory, certificate, key, fsync="always"):
        super().__init__(directory)
        self.certificate, self.key, self.fsync = certificate, key, fsync
        self.config = os.path.join(directory, "dovecot.conf")

    @staticmethod
    def install():
        if shutil.which("dovecot") and os.path.exists("/usr/lib/dovecot/lmtp"):
            return
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL, env=environment)
        # The service that Debian's package would start is in nobody's interest here.
        subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "dovecot-imapd", "dovecot-lmtpd"],
                       check=True, stdout=subprocess.DEVNULL, env=dict(environment, RUNLEVEL="1"))

    @staticmethod
    def version():
        return subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def create(self, hashes):
        for folder in ("mail", "run", "state"):
            os.makedirs(os.path.join(self.directory, folder))
        shutil.chown(os.path.join(self.directory, "mail"), "mail", "mail")
        with open(os.path.join(self.directory, "users"), "w", encoding="ascii") as file:
            file.writelines(f"{name}:{text}\n" for name, text in hashes.items())

    def start(self, fsync=None, hibernate_seconds=0):
        if not self.ports:
            self.ports = dict(zip(("imap", "imaps", "lmtp"), free_ports(3)))
        with open(self.config, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(
                directory=self.directory, certificate=self.certificate, key=self.key, fsync=fsync or self.fsync,
                hibernate=f"{hibernate_seconds} s" if hibernate_seconds else "0", descriptors=DESCRIPTORS,
                # A process that gave its client away to imap-hibernate ends, so that its memory is not counted.
                imap_service_count=1 if hibernate_seconds else 0, **self.ports))
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                for port in self.ports.values():
                    socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError("dovecot did not start, see " + os.path.join(self.directory, "log")) from None
                time.sleep(0.05)
