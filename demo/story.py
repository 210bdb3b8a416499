# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The story of the README, played on 127.0.0.1 with a real PM2 and a real edge.

``python demo/story.py`` plays it and leaves the app running; ``python demo/story.py --clean`` removes every trace.
``DEMO_DIR`` names another directory than ``.demo`` for all it makes; a short one, since unix sockets lie in it.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import load
import variants

PROJECT = Path(__file__).resolve().parent.parent
DEMO = Path(os.environ.get("DEMO_DIR", PROJECT / ".demo")).resolve()
URL = "http://127.0.0.1:17480"
REFUSED, PASSED = 2, 0  # exit codes of ansible-playbook: a host failed, all is well


class BrokenPromise(Exception):
    """The story did not go as it says it goes."""


def play() -> None:
    """All eight steps, from nothing."""
    if DEMO.exists():
        clean()
    began = time.monotonic()
    step("Provision: PM2 from npm and Caddy as the edge, in one directory, without root")
    playbook("provision")

    step("1. Deploy the first release")
    deploy("release-1")
    first = live()
    promise(first != "", "the first release answers")

    step("2. Deploy the second release while 20 clients keep asking")
    with load.Load(f"{URL}/health", clients=20, rate=200) as clients:
        deploy("release-2")
    seen = clients.result()
    second = live()
    promise(seen.failed == 0, f"{seen.requests} requests during the deploy, {seen.failed} failed")
    promise(second not in ("", first), "the second release answers")

    step("3. Deploy the incident: a stale dist/ beside tsx src/server.ts")
    deploy("incident", ends=REFUSED)
    promise(live() == second, "it was refused before anything was touched; the second release answers")

    step("4. Push it past the check on purpose")
    deploy("incident", ends=REFUSED, bluegreen_check_skip=["stale_build_output", "duplicate_dirname", "cjs_in_esm"])
    promise(live() == second, "the gate refused it; the second release answers")

    step("5. Deploy a release that passes the gate and crashes 15 seconds later")
    deploy("crash_15s", ends=REFUSED)
    promise(live() == second, "the soak took it back; the second release answers")

    step("6. Roll back")
    playbook("rollback")
    promise(live() == first, "the first release answers")

    step("7. Leave a guard on the host; then a release crashes when the deploy is long over")
    with Receiver() as receiver:
        playbook("guard", **guard(receiver.url))
        deploy("told", bluegreen_soak=5)
        crash(live())
        promise(live() == first, "nobody was there, and the first release answers")
        promise(receiver.heard("crash loop"), f"people were told: {receiver.last('crash loop')}")

        step("8. What is live, and what was decided on each release")
        playbook("status")

    print(f"\nThe story took {time.monotonic() - began:.0f} s. The app goes on running:\n\n    curl {URL}/health\n")
    print("make demo-clean ends it and removes every trace.")


def guard(url: str) -> dict[str, Any]:
    """A guard in the background, without root, that tells people by a webhook."""
    return {
        "guard_kind": "process",
        "guard_python": str(PROJECT / ".venv/bin/python"),
        "guard_bin": str(DEMO / "bin/bluegreen"),
        "guard_config_dir": str(DEMO / "guard/config"),
        "guard_dir": str(DEMO / "guard"),
        "guard_webhook": {"url": url},
    }


def crash(release: str) -> None:
    """Have a release crash at once and at every start, and wait until something else answers, or a minute."""
    told = DEMO / "app/told" / release
    told.parent.mkdir(exist_ok=True)
    told.write_text("crash", encoding="utf-8")
    print(f"  {release} crashes now, and will whenever it is started", flush=True)
    began = time.monotonic()
    while live() in ("", release) and time.monotonic() - began < 60:
        time.sleep(0.1)
    print(f"  {time.monotonic() - began:.1f} s")


class Receiver:
    """Where the guard's webhook leads: whatever would page somebody."""

    def __init__(self) -> None:
        self._told: list[str] = []
        told = self._told

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.append(str(body["text"]).splitlines()[0])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def last(self, what: str) -> str:
        """The last title that says so."""
        return next((title for title in reversed(self._told) if what in title), "")

    def heard(self, what: str) -> bool:
        """Whether such a title has come, or comes within ten seconds."""
        end = time.monotonic() + 10
        while not self.last(what) and time.monotonic() < end:
            time.sleep(0.1)
        return bool(self.last(what))


def clean() -> None:
    """Stop what runs and remove what was made; what is not there is no harm."""
    if (DEMO / "guard").exists():
        playbook("guard", guard_state="stopped", **guard("http://127.0.0.1/"))
    if (DEMO / "edge").exists():
        playbook("provision", edge_state="stopped")
    pm2 = DEMO / "tools/node_modules/pm2/bin/pm2"
    if (DEMO / "pm2/rpc.sock").exists() and pm2.exists():
        node = PROJECT / ".venv/node/bin/node"
        environment = {"PM2_HOME": str(DEMO / "pm2"), "PATH": os.environ["PATH"]}
        subprocess.run([node, pm2, "kill"], cwd="/", env=environment, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(DEMO, ignore_errors=True)


def deploy(variant: str, *, ends: int = PASSED, **options: object) -> None:
    """Deploy one variant of the backend, from a git checkout of it."""
    source = DEMO / "source" / variant
    if not source.exists():
        source.parent.mkdir(exist_ok=True)
        variants.make(variant, source, git=True)
    playbook("deploy", ends=ends, bluegreen_source=str(source), **options)


def playbook(name: str, *, ends: int = PASSED, **options: object) -> None:
    """Run one of the collection's playbooks as a user would, and say how long it took."""
    variables = {"demo_dir": str(DEMO), **options}
    argv = ["ansible-playbook", f"playbooks/{name}.yml", "-i", "inventory/demo.yml"]
    say(["$", *argv, *(f"-e {key}={value}" for key, value in options.items())])
    began = time.monotonic()
    ended = subprocess.run([*argv, "-e", json.dumps(variables)], cwd=PROJECT, check=False)
    print(f"  {time.monotonic() - began:.1f} s")
    if ended.returncode != ends:
        raise BrokenPromise(f"ansible-playbook ended with exit code {ended.returncode}, not {ends}")


def live() -> str:
    """The release that answers at the front door, by its own word; empty where none does."""
    try:
        with urllib.request.urlopen(f"{URL}/health", timeout=5) as answer:  # noqa: S310 - URL is a constant, http
            return str(json.load(answer)["release"])
    except OSError:
        return ""


def promise(kept: bool, what: str) -> None:
    """Say what was seen; end the story where it was not."""
    print(f"  {'✓' if kept else '✗ NOT SO:'} {what}")
    if not kept:
        raise BrokenPromise(what)


def step(title: str) -> None:
    """Begin a chapter."""
    print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}", flush=True)


def say(words: Sequence[str]) -> None:
    """Show the command, so that it can be typed."""
    print(f"  {' '.join(words)}", flush=True)


def main() -> int:
    """Command line."""
    try:
        clean() if "--clean" in sys.argv[1:] else play()
    except BrokenPromise as broken:
        print(f"The story ended early: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
