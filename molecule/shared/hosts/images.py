# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images of hosts with systemd and sshd, built once and kept by podman: ``images.py debian12 ...`` prints their names.

An image is made by debootstrap from the mirror that this machine's own apt uses, so that no registry is needed. Where
one is, ``HOST_IMAGE_DEBIAN12=registry/name:tag`` names an image to pull: any with systemd, sshd, Python and sudo. In
that way a platform may be of a distribution that is not made here, too.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

REPOSITORY = "localhost/nodeops-pm2-host"
RELEASES = {"debian11": "bullseye", "debian12": "bookworm", "debian13": "trixie"}
PACKAGES = (
    "systemd,systemd-sysv,dbus,python3,openssh-server,ca-certificates,iproute2,procps,sudo,logrotate,libpam-systemd"
)
# Package lists, because a fresh host has none; keys, because every host makes its own.
LEFT_OVER = ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*", "etc/ssh/ssh_host_*")
INIT = "/lib/systemd/systemd"
ENVIRONMENT = {**os.environ, "CONTAINERS_CONF": str(Path(__file__).with_name("containers.conf"))}


def main() -> int:
    """Have every image that is named, and print what podman calls it."""
    unknown = sorted(name for name in sys.argv[1:] if name not in RELEASES and not pulled(name))
    if unknown:
        print(f"no such host: {', '.join(unknown)}; there are {', '.join(RELEASES)}", file=sys.stderr)
        return 2
    for name in sys.argv[1:]:
        print(image(name), flush=True)
    return 0


def image(name: str) -> str:
    """The image for hosts called ``name``, pulled or built where it is not there yet."""
    reference = pulled(name) or f"{REPOSITORY}:{name}-{recipe(name)}"
    if not exists(reference):
        began = time.monotonic()
        if pulled(name):
            podman("pull", "--quiet", reference)
        else:
            build(RELEASES[name], reference)
        print(f"{name}: {time.monotonic() - began:.0f} s for {reference}", file=sys.stderr, flush=True)
    return reference


def pulled(name: str) -> str:
    """The image that somebody wants used for hosts called ``name``; empty where it is made here."""
    return os.environ.get(f"HOST_IMAGE_{name.upper()}", "")


def recipe(name: str) -> str:
    """A digest of what an image is made of: another recipe is another image."""
    return hashlib.sha256(f"{RELEASES[name]} {PACKAGES} {LEFT_OVER} {INIT}".encode()).hexdigest()[:8]


def exists(reference: str) -> bool:
    """Whether podman has the image."""
    return subprocess.run(["podman", "image", "exists", reference], env=ENVIRONMENT, check=False).returncode == 0


def build(codename: str, reference: str) -> None:
    """Make a directory with a small Debian, and import it."""
    with tempfile.TemporaryDirectory(prefix="nodeops-image-") as temporary:
        root = Path(temporary) / "root"
        options = ["--variant=minbase", f"--include={PACKAGES}", codename, str(root), *mirror()]
        quietly(["debootstrap", *options], log=Path(temporary) / "debootstrap.log")
        for pattern in LEFT_OVER:
            for path in root.glob(pattern):
                path.unlink()
        tar = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        podman("import", "--quiet", "--change", f'CMD ["{INIT}"]', "-", reference, stdin=tar.stdout)
        if tar.wait() != 0:
            raise RuntimeError(f"tar of {codename} ended with {tar.returncode}")


def mirror() -> list[str]:
    """Where this machine's own apt gets Debian from; nothing where it does not: debootstrap then takes its default."""
    columns = "$(REPO_URI)|$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(CREATED_BY)"
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", columns], capture_output=True, text=True, check=False
    ).stdout
    found = [line.split("|")[0] for line in asked.splitlines() if line.endswith("|Debian|Debian|main|Packages")]
    return found[:1]


def podman(*arguments: str, stdin: IO[bytes] | None = None) -> str:
    """Run podman; what it printed."""
    ended = subprocess.run(
        ["podman", *arguments],
        env=ENVIRONMENT,
        stdin=stdin or subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"podman {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout.strip()


def quietly(argv: list[str], *, log: Path) -> None:
    """Run a long command whose output is of interest only when it fails."""
    with log.open("wb") as stream:
        ended = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False)
    if ended.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        raise RuntimeError("\n".join([f"{' '.join(argv)} ended with {ended.returncode}", *tail]))


if __name__ == "__main__":
    sys.exit(main())
