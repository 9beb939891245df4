"""Runs Meson's tests in several builds and counts what they say; see tools/test, which calls it."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

# kind -> arguments of `meson test` that choose what runs in that build.
PLAN = {
    "asan": ["--no-suite", "tidy", "--no-suite", "interop"],
    "tsan": ["--suite", "actors"],
    "release": ["--suite", "tidy", "--suite", "interop"],
}

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1:suppressions=" + os.path.abspath("tests/tsan.supp"),
}

ANSI = re.compile(r"\x1b\[[0-9;]*m")
DOCTEST = re.compile(
    r"^\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", re.MULTILINE)

MESON_GOOD = {"OK", "EXPECTEDFAIL"}


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    def add(self, kind, test):
        """One Meson test: its doctest cases if it printed their number, else itself as one."""
        name = f"{kind}: {test['name']}"
        if test["result"] == "SKIP":
            self.skipped.append(name)
            return
        good = test["result"] in MESON_GOOD
        summaries = DOCTEST.findall(ANSI.sub("", test.get("stdout") or ""))
        passed = sum(int(one[1]) for one in summaries)
        failed = sum(int(one[2]) for one in summaries)
        if not summaries:
            passed, failed = (1, 0) if good else (0, 1)
        elif not good and failed == 0:
            # Every case passed and the program still failed: a leak, a crash at the end, a second program that
            # printed no summary.
            failed = 1
        elif good and passed + failed == 0:
            # A program whose tests were all filtered out proves nothing.
            failed = 1
        self.passed += passed
        self.failed += failed
        if failed:
            self.failures.append(f"{name} ({failed} failed, {test['result']})")


def run_kind(kind, count):
    """Configures, builds and tests one kind. A build that fails counts as one failure."""
    log_path = f"build/{kind}/meson-logs/testlog.json"
    environment = dict(os.environ, **SANITIZER_OPTIONS)
    environment.setdefault("CCACHE_BASEDIR", os.getcwd())
    environment.setdefault("CCACHE_NOHASHDIR", "1")
    if subprocess.run(["tools/build", kind, "--configure"], env=environment).returncode != 0:
        count.failed += 1
        count.failures.append(f"{kind}: configuring failed")
        return
    if os.path.exists(log_path):
        os.remove(log_path)
    # Meson builds what the chosen tests need and nothing else.
    command = ["meson", "test", "-C", f"build/{kind}", "--print-errorlogs", *PLAN[kind]]
    status = subprocess.run(command, env=environment).returncode
    tests = []
    if os.path.exists(log_path):
        with open(log_path, encoding="utf-8", errors="replace") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    failed_before = count.failed
    for test in tests:
        count.add(kind, test)
    if not tests:
        count.failed += 1
        count.failures.append(f"{kind}: building failed, or there was no test to run")
    elif status != 0 and count.failed == failed_before:
        count.failed += 1
        count.failures.append(f"{kind}: meson test ended with {status}")


def main(kinds):
    unknown = [kind for kind in kinds if kind not in PLAN]
    if unknown:
        print(f"tools/test: unknown build {unknown[0]}; known are {', '.join(PLAN)}", file=sys.stderr)
        return 2
    count = Count()
    for kind in kinds or PLAN:
        start = time.monotonic()
        print(f"== {kind}", flush=True)
        run_kind(kind, count)
        print(f"== {kind} took {time.monotonic() - start:.0f} s", flush=True)
    for name in count.skipped:
        print(f"skipped  {name}")
    for name in count.failures:
        print(f"FAILED   {name}")
    print(f"{count.passed} passed, {count.failed} failed", flush=True)
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
