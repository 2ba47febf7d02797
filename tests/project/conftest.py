"""A browser for the pages of the site; where there is none, their tests skip, and in CI fail."""

import importlib.util
import os
import shutil

import pytest


def require(name, found):
    """Skip where a program is not installed; where CI is to have installed it, fail."""
    if not found:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(f"needs {name}, which is not installed")


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, without a network; playwright downloads none."""
    chromium = shutil.which("chromium")
    require("playwright", importlib.util.find_spec("playwright"))
    require("chromium", chromium)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as programs:
        opened = programs.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened.new_context(offline=True)
        opened.close()


class Visit:
    """One page, opened; `wrong` is what was heard of the console, exceptions, failed and foreign loads."""

    def __init__(self, browser, path, *, root):
        self.near = (f"{root.as_uri()}/", "data:", "blob:")
        self.wrong = []
        self.page = browser.new_page()
        self.page.on("console", self.on_console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"exception: {error.message}"))
        self.page.on("request", self.on_request)
        self.page.on("requestfailed", lambda x: self.wrong.append(f"not loaded: {x.url}: {x.failure}"))
        self.page.goto(path.as_uri())
        self.page.evaluate("window.MathJax?.startup?.promise?.then(() => true)")

    def on_console(self, message):
        if message.type in ("error", "warning", "assert"):
            self.wrong.append(f"console: {message.text}")

    def on_request(self, request):
        if not request.url.startswith(self.near):
            self.wrong.append(f"requested: {request.url}")
