"""A headless Chromium for tests of pages, with a wallet that a local chain signs for and an accessibility check."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES: Final = {"desktop": (1280, 900), "phone": (390, 844)}
SCREENSHOTS: Final = "CUPEL_SCREENSHOTS"
"""Names a folder that `photograph` fills, for people to look at."""
# Announces itself as EIP-6963 asks. The chain's node holds the key and signs, as a wallet would after its user agreed.
_WALLET: Final = """
(() => {
  const [rpcUrl, account] = %s;
  const ask = async ({ method, params }) => {
    if (method === "eth_requestAccounts" || method === "eth_accounts") return [account];
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: params ?? [] });
    const request = { method: "POST", headers: { "content-type": "application/json" }, body };
    const answer = await (await fetch(rpcUrl, request)).json();
    if (answer.error) throw answer.error;
    (window.signed ??= []).push(method);
    return answer.result;
  };
  const uuid = "6f1d3a52-7d0e-4c57-9a57-0f6c1f6a7d11";
  const info = { uuid, name: "Test wallet", icon: "data:,", rdns: "org.cupel.test" };
  const detail = Object.freeze({ info, provider: { request: ask, on() {} } });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


def apart(work: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns, run in another thread: playwright keeps this one's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class NoBrowser(Exception):
    """This machine cannot run the tests of pages; the text says what is missing."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A playwright browser. NoBrowser where the package or the program is not installed."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("playwright is not installed: pip install -r requirements/browser.txt") from None
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise NoBrowser(f"none of {', '.join(PROGRAMS)} is on PATH")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, rpc_url: str, account: str) -> Iterator[Any]:
    """A page whose wallet has one account of the chain; errors of its scripts are raised at the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.add_init_script(_WALLET % json.dumps([rpc_url, account]))
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    # A crowded machine takes its time; who waits for nothing waits for long all the same.
    page.set_default_timeout(60_000)
    try:
        yield page
        assert not errors, errors
    finally:
        context.close()


def accessibility_faults(page: Any, axe: Path) -> list[str]:
    """What axe-core finds serious or critical on the page as it is now, in both colour schemes."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        if not page.evaluate("() => 'axe' in window"):
            # As a script of the debugger, which the page's own policy does not bind.
            page.evaluate(axe.read_text(encoding="utf-8"))
        faults = page.evaluate("async () => (await axe.run()).violations")
        for fault in faults:
            if fault["impact"] in ("serious", "critical"):
                places = [node["target"][0] for node in fault["nodes"]]
                found.append(f"{scheme}: {fault['id']}: {fault['help']} at {places}")
    return found


def photograph(page: Any, name: str) -> None:
    """Pictures in light and dark, desktop and phone width, where somebody asked for them."""
    folder = os.environ.get(SCREENSHOTS)
    if not folder:
        return
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(folder) / f"{name}-{size}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def overflow_pixels(page: Any) -> int:
    """How far the page is wider than a phone: 0 where nothing has to be scrolled sideways."""
    page.set_viewport_size(dict(zip(("width", "height"), SIZES["phone"], strict=True)))
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    return int(wide)
