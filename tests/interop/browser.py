"""Headless Chromium, driven over its debugging pipe: opens one page, says what went wrong in it, takes pictures."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from run import Skip

TIMEOUT_SECONDS = 60


class Browser:
    def __init__(self):
        program = shutil.which("chromium")
        if program is None:
            raise Skip("chromium is not installed")
        self.profile = tempfile.mkdtemp(prefix="tidemark-chromium-")
        commands, self.to_browser = os.pipe()
        self.from_browser, answers = os.pipe()
        # The browser reads descriptor 3 and writes 4.
        script = f'exec 3<&{commands} 4>&{answers}; exec "$0" "$@"'
        self.process = subprocess.Popen(
            ["sh", "-c", script, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank"],
            pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.problems = []
        self.requests = []

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to_browser)
        os.close(self.from_browser)
        shutil.rmtree(self.profile, ignore_errors=True)

    def _read(self, deadline):
        while b"\0" not in self.buffer:
            if not select.select([self.from_browser], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise Skip("chromium does not answer here")
            data = os.read(self.from_browser, 1 << 20)
            if not data:
                raise Skip("chromium does not run here")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def _event(self, event):
        name, values = event.get("method"), event.get("params", {})
        if name == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"])[:1000])
        elif name == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(values["args"])[:1000])
        elif name == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.problems.append(values["entry"]["text"])
        elif name == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self._event(answer)

    def open(self, path, width=1280, height=900, dark=False):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.scheme(dark)
        self.call("Page.navigate", url="file://" + path)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self.value("document.readyState === 'complete' && document.body.dataset.charts !== undefined"):
            if self.problems or time.monotonic() > deadline:
                raise AssertionError(f"the page did not finish: {self.problems}")

    def scheme(self, dark):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def screenshot(self, path):
        """The whole page as PNG."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))
