"""Headless Chromium over its DevTools protocol, through two pipes: no driver, no port, no network."""

import contextlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from typing import Any

CHROMIUM = shutil.which("chromium")
# Reads commands from file descriptor 3 and writes answers to 4, each a JSON text that ends with a zero byte.
FLAGS = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


class Browser:
    """One page of one browser; `events` are what it reported since the page was opened."""

    def __init__(self, commands, answers, *, timeout=120.0):
        self._commands, self._answers, self._timeout = commands, answers, timeout
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command. Raises RuntimeError where the browser refuses it."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        answer = self._next(lambda m: m.get("id") == self._number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def open(self, url: str) -> None:
        """Load a page and wait for it, and for the formulas that it typesets."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        if not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next(lambda m: m.get("method") == "Page.loadEventFired")
        self.evaluate("window.MathJax?.startup?.promise?.then(() => true)")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited. Raises RuntimeError with the exception it throws."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"]["exception"].get("description", expression))
        return done["result"].get("value")

    def _read(self) -> None:
        rest = b""
        while block := self._answers.read1(1 << 16):
            *messages, rest = (rest + block).split(b"\0")
            for message in messages:
                self._messages.put(json.loads(message))

    def _next(self, wanted) -> dict[str, Any]:
        while True:
            message = self._messages.get(timeout=self._timeout)
            if "method" in message:
                self.events.append(message)
            if wanted(message):
                return message


@contextlib.contextmanager
def chromium():
    """A `Browser`, with a profile of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        read_commands, write_commands = os.pipe()
        read_answers, write_answers = os.pipe()
        shell = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", CHROMIUM, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(read_commands, write_answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        with os.fdopen(write_commands, "wb") as commands, os.fdopen(read_answers, "rb") as answers:
            browser = Browser(commands, answers)
            try:
                yield browser
            finally:
                browser.call("Browser.close")
                process.wait(timeout=60)
