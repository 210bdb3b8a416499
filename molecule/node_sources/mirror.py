# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mirror of NodeSource's apt repository, laid out and signed as that is: ``mirror.py ARCHIVE MAJOR DIRECTORY``.

It runs as root on a Debian host that has gpg. The package holds the Node.js of an archive laid out as nodejs.org's are.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

KEY = "mirror@nodesource.test"
CONTROL = """Package: nodejs
Version: {version}-1nodesource1
Architecture: {architecture}
Maintainer: A mirror <{key}>
Provides: npm
Conflicts: npm
Replaces: npm
Description: Node.js event-based server-side javascript engine
"""


def main(archive: Path, major: str, directory: Path) -> int:
    """Write the repository and the key of who signed it."""
    with tempfile.TemporaryDirectory() as temporary:
        package = pack(archive, Path(temporary))
        repository = directory / f"node_{major}.x"
        (repository / "pool").mkdir(parents=True)
        shutil.copy(package, repository / "pool")
    dist = repository / "dists" / "nodistro"
    index = dist / "main" / f"binary-{run('dpkg', '--print-architecture').strip()}" / "Packages"
    index.parent.mkdir(parents=True)
    index.write_text(described(repository / "pool" / package.name, repository), encoding="ascii")
    release = dist / "Release"
    listed = f" {sha256(index)} {index.stat().st_size} {index.relative_to(dist)}\n"
    names = "Origin: . nodistro\nLabel: . nodistro\nSuite: nodistro\nCodename: nodistro\nComponents: main\n"
    release.write_text(f"{names}Date: {run('date', '-Ru').strip()}\nSHA256:\n{listed}", encoding="ascii")
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", KEY, "rsa2048", "sign", "never")
    run(
        "gpg", "--batch", "--yes", "--local-user", KEY, "--clearsign", "--output", str(dist / "InRelease"), str(release)
    )
    (directory / "key.gpg").write_text(run("gpg", "--armor", "--export", KEY), encoding="ascii")
    return 0


def pack(archive: Path, place: Path) -> Path:
    """The package ``nodejs``."""
    tree = place / "nodejs"
    (tree / "usr").mkdir(parents=True)
    run("tar", "--extract", "--strip-components=1", "--file", str(archive), "--directory", str(tree / "usr"))
    version = run(str(tree / "usr/bin/node"), "--version").strip().lstrip("v")
    architecture = run("dpkg", "--print-architecture").strip()
    (tree / "DEBIAN").mkdir()
    control = CONTROL.format(version=version, architecture=architecture, key=KEY)
    (tree / "DEBIAN/control").write_text(control, encoding="ascii")
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(place))
    return next(place.glob("*.deb"))


def described(package: Path, repository: Path) -> str:
    """Its entry in the index."""
    about = {"Filename": package.relative_to(repository), "Size": package.stat().st_size, "SHA256": sha256(package)}
    return run("dpkg-deb", "--field", str(package)) + "".join(f"{name}: {value}\n" for name, value in about.items())


def sha256(path: Path) -> str:
    """The digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(*argv: str) -> str:
    """What a command prints."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
