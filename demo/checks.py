# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a check of a large release takes: seconds, and the memory of the process that does it.

``python demo/checks.py`` makes one archive of each shape after another and checks it in a process of its own, as a
module would be run on a host. Nothing fails on a time.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.modules import release_check

MANY, MOST = 20_000, 199_000
RUNS = 3
NODE = Path(__file__).resolve().parent.parent / ".venv/node/bin/node"
CODE = "".join(f"export function f{number}(a) {{ return `x${{a}}` + 'text'; /* why */ }}\n" for number in range(25))
MANIFEST = {"name": "large", "type": "module", "dependencies": {"tsx": "4.21.0"}}
LOCK = {
    "lockfileVersion": 3,
    "packages": {"": MANIFEST, "node_modules/tsx": {"version": "4.21.0", "integrity": "sha512-x"}},
}

Files = Iterator[tuple[str, str]]


def sources(count: int) -> Files:
    """TypeScript, each file of which the next is imported by."""
    for number in range(count):
        yield f"src/m{number // 50}/f{number}.ts", f"import '../m{(number + 1) // 50}/f{number + 1}.js';\n{CODE}"


def compiled(count: int) -> Files:
    """As above, with its build and the source maps of it."""
    for number in range(count // 3):
        code = f"import '../m{(number + 1) // 50}/f{number + 1}.js';\n{CODE}"
        place = f"m{number // 50}/f{number}"
        content = {
            "version": 3,
            "sources": [f"../../src/{place}.ts"],
            "sourcesContent": [code],
            "mappings": "AAAA;" * 26,
        }
        yield f"src/{place}.ts", code
        yield f"dist/{place}.js", f"{code}//# sourceMappingURL=f{number}.js.map\n"
        yield f"dist/{place}.js.map", json.dumps(content)


def packages(count: int) -> Files:
    """A workspace of packages of two files."""
    for number in range(count // 2):
        manifest = {"name": f"@x/p{number}", "main": "dist/index.js", "exports": {"./*": "./dist/*.js"}}
        yield f"packages/p{number}/package.json", json.dumps(manifest)
        yield f"packages/p{number}/src/index.ts", "export {};\n"


def dependencies(count: int) -> Files:
    """node_modules, shipped."""
    for number in range(count):
        name = "package.json" if number % 20 == 0 else f"lib/f{number}.js"
        yield f"node_modules/p{number // 20}/{name}", '{"name": "p"}' if number % 20 == 0 else CODE


def blobs(count: int) -> Files:
    """Few files, as large as an archive may unpack to; empty ones compress best."""
    for number in range(count):
        yield f"blob{number}.bin", "\0" * (640 << 20)


SHAPES: dict[str, tuple[Callable[[int], Files], int, str]] = {
    f"{MANY} sources": (sources, MANY, "src/m0/f0.ts"),
    f"{MANY} compiled": (compiled, MANY, "dist/m0/f0.js"),
    f"{MANY} in packages": (packages, MANY, "packages/p0/src/index.ts"),
    f"{MANY} dependencies": (dependencies, MANY, "server.js"),
    f"{MOST} sources": (sources, MOST, "src/m0/f0.ts"),
    "1.9 GiB in 3 files": (blobs, 3, "server.js"),
}


def pack(path: Path, files: Files) -> Path:
    """An archive of them, and of a manifest and a lockfile."""
    given = (("package.json", json.dumps(MANIFEST)), ("package-lock.json", json.dumps(LOCK)), ("server.js", "\n"))
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for group in (given, files):
            for name, text in group:
                info = tarfile.TarInfo(name)
                raw = text.encode()
                info.size, info.mtime = len(raw), 1_700_000_000
                archive.addfile(info, io.BytesIO(raw))
    return path


def once(archive: str, script: str) -> dict[str, float]:
    """One check in this process: seconds, seconds of the processor, the most memory it had in MiB."""
    options: dict[str, Any] = {name: spec.get("default") for name, spec in release_check.SPEC.items()}
    entry = {name: spec.get("default") for name, spec in release_check.SPEC["entry"]["options"].items()}
    entry.update(script=script, loader="tsx" if script.endswith(".ts") else "")
    options.update(root="/nowhere/large", pm2_home="/nowhere/pm2", pm2_bin="/nowhere/pm2", node_bin=str(NODE))
    options.update(archive=archive, entry=entry, fail=False, health_path="/health")
    began, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        release_check.run(options, tmpdir=scratch)
    # Not by getrusage, whose figure a process inherits from the one that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    memory = int(status.partition("VmHWM:")[2].split()[0]) >> 10
    return {"seconds": time.monotonic() - began, "processor": time.process_time() - used, "memory": memory}


def report(directory: Path) -> None:
    """Every shape, each several times, the best of its seconds: other work on the machine only ever adds to them."""
    for name, (make, count, script) in SHAPES.items():
        archive = pack(directory / "large.tar.gz", make(count))
        runs = [_in_a_process(archive, script) for _run in range(RUNS)]
        seconds, processor = min(run["seconds"] for run in runs), min(run["processor"] for run in runs)
        memory = max(run["memory"] for run in runs)
        print(f"  {name:22} {seconds:6.2f} s, {processor:6.2f} s of the processor, at most {memory:4.0f} MiB")
        archive.unlink()


def _in_a_process(archive: Path, script: str) -> dict[str, float]:
    argv = [sys.executable, __file__, "--one", str(archive), script]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # as this process finds the collection
    ended = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def main() -> int:
    """Command line."""
    if sys.argv[1:2] == ["--one"]:
        try:
            print(json.dumps(once(*sys.argv[2:4])))
        except DeployError as error:
            sys.exit(str(error))
        return 0
    with tempfile.TemporaryDirectory(prefix="checks-") as directory:
        report(Path(directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
