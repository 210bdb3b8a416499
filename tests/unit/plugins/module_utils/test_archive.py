# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A corpus of honest and hostile archives, made here, each with the words its refusal must have."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._archive import extract
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._pack import pack
from ansible_collections.nodeops.pm2.plugins.module_utils._unpack import MAX_DEPTH, measure, wrapper

Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, data: bytes = b"x", **fields: Any) -> Entry:
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    info.size = len(data) if info.isreg() else 0
    return info, data


def symlink(name: str, target: str) -> Entry:
    return entry(name, type=tarfile.SYMTYPE, linkname=target, mode=0o777)


def hard_link(name: str, target: str) -> Entry:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def directory(name: str, mode: int = 0o755) -> Entry:
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def tar(*entries: Entry, form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zipped(*entries: tuple[str, bytes, int], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data, method)
    return stream.getvalue()


def encrypted() -> bytes:
    raw = bytearray(zipped(("a", b"x", 0o644)))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def lying_zip() -> bytes:
    """An entry that claims 1 byte and holds 100,000."""
    raw = bytearray(zipped(("a", bytes(100_000), 0o644)))
    for at in (22, raw.index(b"PK\x01\x02") + 24):
        raw[at : at + 4] = struct.pack("<I", 1)
    return bytes(raw)


def bare_header(size: int, kind: bytes) -> bytes:
    """A member header that claims ``size`` bytes of content and is followed by none."""
    info = tarfile.TarInfo("a")
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def unpack(tmp_path: Path, raw: bytes, act: Callable[..., Any] = extract, **limits: int) -> tuple[dict[str, str], Path]:
    archive, destination = tmp_path / "artifact", tmp_path / "release"
    archive.write_bytes(raw)
    destination.mkdir()
    return act(archive, destination, **limits), destination


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "absolute name": (lambda: tar(entry("/etc/cron.d/x")), "'/etc/cron.d/x': an absolute name"),
    "dot dot": (lambda: tar(entry("../x")), "climbs with '..'"),
    "dot dot inside": (lambda: tar(entry("a/../../x")), "climbs with '..'"),
    "dot dot directory": (lambda: tar(directory("a/..")), "climbs with '..'"),
    "name with newline": (lambda: tar(entry("a\nb")), r"'a\nb': a name with control characters"),
    "name not UTF-8": (lambda: tar(entry("caf\udce9"), form=tarfile.GNU_FORMAT), "not UTF-8"),
    "our directory": (lambda: tar(entry("./.release/manifest.json")), "kept for the deploy's own files"),
    "our directory as file": (lambda: tar(entry(".release")), "kept for the deploy's own files"),
    "our directory, wrapped": (
        lambda: tar(entry("p/package.json"), entry("p/.release/x")),
        "'p/.release/x': a name in .release/",
    ),
    "setuid": (lambda: tar(entry("a", mode=0o4755)), "setuid, setgid or sticky bit (mode 4755)"),
    "setgid": (lambda: tar(entry("a", mode=0o2755)), "setuid, setgid or sticky"),
    "sticky directory": (lambda: tar(directory("a", 0o1777)), "setuid, setgid or sticky"),
    "device": (lambda: tar(entry("a", type=tarfile.CHRTYPE)), "a device"),
    "block device": (lambda: tar(entry("a", type=tarfile.BLKTYPE)), "a device"),
    "named pipe": (lambda: tar(entry("a", type=tarfile.FIFOTYPE)), "a named pipe"),
    "sparse file": (lambda: bare_header(0, tarfile.GNUTYPE_SPARSE) + bytes(1024), "a sparse file"),
    "unknown type": (lambda: bare_header(0, b"Z") + bytes(1024), "a member of type b'Z'"),
    "duplicate": (lambda: tar(entry("a"), entry("./a")), "'./a': a name that the archive holds twice"),
    "directory over file": (lambda: tar(entry("a"), directory("a")), "holds twice"),
    "file over directory": (lambda: tar(directory("a"), entry("a")), "holds twice"),
    "file over root": (lambda: tar(entry("./")), "holds twice"),
    "below a file": (lambda: tar(entry("a"), entry("a/b")), "'a/b': a name that goes through the file 'a'"),
    "through a symlink": (
        lambda: tar(directory("d"), symlink("s", "d"), entry("s/x")),
        "'s/x': a name that goes through the symlink 's'",
    ),
    "through a symlink, deeper": (lambda: tar(symlink("s", "."), entry("s/t/x")), "goes through the symlink 's'"),
    "replaced symlink": (lambda: tar(symlink("s", "x"), entry("s")), "holds twice"),
    "absolute link": (lambda: tar(symlink("s", "/etc/passwd")), "a link to the absolute '/etc/passwd'"),
    "climbing link": (lambda: tar(symlink("a/s", "../../x")), "leaves the release"),
    "link to the parent": (lambda: tar(symlink("s", "..")), "leaves the release"),
    # s -> . makes s/.. the parent of the release, though it reads as the release itself
    "link that climbs through a link": (lambda: tar(symlink("s", "."), symlink("t", "s/../x")), "leaves the release"),
    "empty link": (lambda: zipped(("s", b"", stat.S_IFLNK | 0o777)), "a link to ''"),
    "link that leaves when unwrapped": (
        lambda: tar(entry("p/package.json"), symlink("p/s", "../x")),
        "'p/s': a link to '../x', which leaves the release",
    ),
    "hard link out": (lambda: tar(hard_link("a", "../../etc/passwd")), "climbs with '..'"),
    "absolute hard link": (lambda: tar(hard_link("a", "/etc/passwd")), "an absolute name"),
    "hard link to nothing": (lambda: tar(hard_link("a", "b")), "no file before it in the archive"),
    "hard link to a symlink": (lambda: tar(symlink("s", "x"), hard_link("a", "s")), "no file before it"),
    "deeper than can be removed": (lambda: tar(entry("d/" * MAX_DEPTH + "a")), "directories deep"),
    "zip: absolute": (lambda: zipped(("/a", b"", 0o644)), "an absolute name"),
    "zip: dot dot": (lambda: zipped(("a/../../b", b"", 0o644)), "climbs with '..'"),
    "zip: climbing link": (lambda: zipped(("s", b"../x", stat.S_IFLNK | 0o777)), "leaves the release"),
    "zip: through a symlink": (
        lambda: zipped(("s", b".", stat.S_IFLNK | 0o777), ("s/x", b"", 0o644)),
        "goes through the symlink 's'",
    ),
    "zip: setuid": (lambda: zipped(("a", b"", stat.S_IFREG | 0o4755)), "setuid, setgid or sticky"),
    "zip: pipe": (lambda: zipped(("a", b"", stat.S_IFIFO | 0o644)), "a device or named pipe"),
    "zip: encrypted": (encrypted, "'a': a encrypted file"),
    "zip: bzip2": (lambda: zipped(("a", b"x", 0o644), method=zipfile.ZIP_BZIP2), "compression method 12"),
    "zip: NUL in the name": (
        lambda: zipped(("aNb", b"", 0o644)).replace(b"aNb", b"a\0b"),
        "a name with control characters",
    ),
    "zip: backslash": (lambda: zipped(("dist\\server.js", b"", 0o644)), "backslashes"),
    "zip: duplicate": (lambda: zipped(("a", b"1", 0o644), ("./a", b"2", 0o644)), "holds twice"),
    "zip: lying size": (lying_zip, "corrupt"),
    "zip: cut off": (lambda: zipped(("a", os.urandom(5000), 0o644))[:-40], "corrupt"),
    "zip: damaged": (
        lambda: zipped(("a", b"y" * 50, 0o644), method=zipfile.ZIP_STORED).replace(b"yyyy", b"yzzy"),
        "corrupt",
    ),
    "not an archive": (lambda: b"hello", "a tar, tar.gz, tar.zst or zip file"),
    "empty file": (lambda: b"", "a tar, tar.gz, tar.zst or zip file"),
    "no member": (tar, "a tar, tar.gz, tar.zst or zip file"),
    "only directories": (lambda: tar(directory("a")), "without a file"),
    "gzip of something else": (lambda: gzip.compress(b"hello" * 500), "corrupt"),
    "gzip cut off": (lambda: gzip.compress(tar(entry("a", os.urandom(50_000))))[:-4000], "corrupt"),
    "gzip without its checksum": (lambda: gzip.compress(tar(entry("a")))[:-8], "corrupt"),
    "gzip with a wrong checksum": (lambda: gzip.compress(tar(entry("a")))[:-8] + bytes(8), "corrupt"),
    "tar cut off in a file": (lambda: tar(entry("a", bytes(2000)))[:1500], "corrupt"),
    "tar cut off between members": (lambda: tar(entry("a"), entry("b"))[:1024], "no end-of-archive mark"),
    "tar cut off in a header": (lambda: tar(entry("a"), entry("b"))[:1300], "corrupt"),
    "tar with a damaged header": (
        lambda: tar(entry("a"), entry("b"), entry("c")).replace(b"b\0\0", b"z\0\0", 1),
        "corrupt",
    ),
    "tar with a huge header": (lambda: bare_header(1 << 30, tarfile.XHDTYPE) + bytes(1024), "a header of"),
    "tar with a negative size": (lambda: bare_header(-1024, tarfile.REGTYPE) + bytes(1024), "corrupt"),
    "tar with a negative header": (lambda: bare_header(-1024, tarfile.GNUTYPE_LONGNAME) + bytes(1024), "corrupt"),
    "tar of endless headers": (
        lambda: bare_header(0, tarfile.XHDTYPE) * 5000 + tar(entry("a")),
        "corrupt",
    ),
}


@pytest.mark.parametrize(("build", "words"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("act", [extract, pack], ids=["extract", "pack"])
def test_hostile_archives_are_refused_and_nothing_leaves_the_release(
    tmp_path: Path, build: Callable[[], bytes], words: str, act: Callable[..., Any]
) -> None:
    with pytest.raises(DeployError) as caught:
        unpack(tmp_path, build(), act)
    assert words in str(caught.value)
    assert str(tmp_path / "artifact") in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["artifact", "release"]


HONEST = (
    directory("./"),
    directory("./dist", 0o700),
    entry("./package.json", b"{}", mode=0o611),
    entry("./dist/server.js", b"server", mode=0o775),
    entry("no/directory/entry.txt", b"deep"),
    hard_link("same.js", "./dist/server.js"),
    symlink("dist/up.json", "../package.json"),
    symlink("latest", "./dist/server.js"),
    symlink("dangling", "shared/later"),
    entry("naïve name ‍☃.txt", b"snow"),
    entry("a" * 150 + "/" + "b" * 150, b"long"),
    directory("dist"),
)
EXPECTED = {
    "package.json": sha(b"{}"),
    "dist/server.js": sha(b"server"),
    "no/directory/entry.txt": sha(b"deep"),
    "same.js": sha(b"server"),
    "dist/up.json": "link:../package.json",
    "latest": "link:./dist/server.js",
    "dangling": "link:shared/later",
    "naïve name ‍☃.txt": sha(b"snow"),
    "a" * 150 + "/" + "b" * 150: sha(b"long"),
}


def zstd(raw: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc"], input=raw, stdout=subprocess.PIPE, check=True).stdout


needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="the program zstd packs the test's archive")


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, pytest.param(zstd, marks=needs_zstd)], ids=["tar", "gzip", "zstd"]
)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_an_honest_tar_is_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes], form: int) -> None:
    before = os.umask(0o077)
    try:
        found, release = unpack(tmp_path, pack(tar(*HONEST, form=form)))
    finally:
        os.umask(before)
    assert found == EXPECTED
    assert (release / "dist/server.js").read_bytes() == b"server"
    modes = {name: stat.S_IMODE((release / name).stat().st_mode) for name in ("package.json", "dist/server.js", "dist")}
    assert modes == {"package.json": 0o644, "dist/server.js": 0o755, "dist": 0o755}
    assert stat.S_IMODE((release / "no/directory").stat().st_mode) == 0o755
    assert os.readlink(release / "dangling") == "shared/later"
    assert (release / "same.js").stat().st_ino == (release / "dist/server.js").stat().st_ino


def test_an_honest_zip_is_unpacked(tmp_path: Path) -> None:
    raw = zipped(
        ("dist/", b"", stat.S_IFDIR | 0o755),
        ("dist/server.js", b"server", stat.S_IFREG | 0o755),
        ("plain.txt", b"made without a mode", 0),
        ("naïve.txt", b"snow", 0o644),
        ("dist/s", b"../plain.txt", stat.S_IFLNK | 0o777),
    )
    found, release = unpack(tmp_path, raw)
    assert found == {
        "dist/server.js": sha(b"server"),
        "plain.txt": sha(b"made without a mode"),
        "naïve.txt": sha(b"snow"),
        "dist/s": "link:../plain.txt",
    }
    assert stat.S_IMODE((release / "dist/server.js").stat().st_mode) == 0o755
    assert stat.S_IMODE((release / "plain.txt").stat().st_mode) == 0o644
    assert (release / "dist/s").read_text() == "made without a mode"


def test_zip_names_in_utf8_without_the_flag_that_says_so(tmp_path: Path) -> None:
    placeholder = "\u00e9"  # one character that makes zipfile set the flag; then the flag is taken away
    raw = bytearray(zipped((placeholder, b"x", 0o644)))
    raw[7] &= ~0x08
    raw[raw.index(b"PK\x01\x02") + 9] &= ~0x08
    assert list(unpack(tmp_path, bytes(raw))[0]) == [placeholder]


@pytest.mark.parametrize("build", [lambda: tar(*HONEST), lambda: gzip.compress(tar(*HONEST))])
def test_measure_counts_without_unpacking(tmp_path: Path, build: Callable[[], bytes]) -> None:
    (tmp_path / "a").write_bytes(build())
    assert measure(tmp_path / "a") == (len(b"{}" + b"server" + b"deep" + b"snow" + b"long"), len(HONEST))
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    "act",
    [
        measure,
        lambda archive, **limits: extract(archive, archive.parent / "r", **limits),
        lambda archive, **limits: pack(archive, archive.parent / "r", **limits),
    ],
)
@pytest.mark.parametrize(
    ("raw", "limits", "words"),
    [
        (gzip.compress(tar(entry("a", bytes(300_000)))), {"max_bytes": 200_000}, "at most 200000 bytes"),
        (zipped(("a", bytes(300_000), 0o644)), {"max_bytes": 200_000}, "at most 200000 bytes"),
        (gzip.compress(tar(entry("a")) + bytes(300_000)), {"max_bytes": 200_000}, "at most 200000 bytes"),
        (tar(*(directory(f"d{number}") for number in range(11))), {"max_files": 10}, "at most 10 members"),
        (zipped(*((f"f{number}", b"", 0o644) for number in range(11))), {"max_files": 10}, "at most 10 members"),
    ],
    ids=["tar.gz", "zip", "zeros after the end", "directories", "zip files"],
)
def test_bombs_are_refused(
    tmp_path: Path, act: Callable[..., Any], raw: bytes, limits: dict[str, int], words: str
) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(DeployError, match=words):
        act(tmp_path / "a", **limits)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"": "directory", "p": "directory", "p/package.json": "file", "p/a/b": "file"}, "p"),
        ({"": "directory", "p": "directory", "p/server.js": "file"}, ""),
        ({"": "directory", "p": "directory", "p/package.json": "directory"}, ""),
        ({"": "directory", "p": "directory", "p/package.json": "file", "README": "file"}, ""),
        ({"": "directory", "package.json": "file"}, ""),
        ({"": "directory"}, ""),
    ],
)
def test_wrapper(kinds: dict[str, str], expected: str) -> None:
    assert wrapper(kinds) == expected


def test_what_npm_pack_makes_loses_its_top_directory(tmp_path: Path) -> None:
    raw = gzip.compress(
        tar(entry("package/package.json", b"{}"), entry("package/package/x", b"x"), symlink("package/s", "package/x"))
    )
    found, release = unpack(tmp_path, raw)
    assert found == {"package.json": sha(b"{}"), "package/x": sha(b"x"), "s": "link:package/x"}
    assert sorted(os.listdir(release)) == ["package", "package.json", "s"]


def test_zstd_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("the standard library reads zstd")
    monkeypatch.setattr(shutil, "which", lambda *_args, **_more: None)
    with pytest.raises(DeployError, match="Install the package zstd"):
        unpack(tmp_path, b"\x28\xb5\x2f\xfd")


@needs_zstd
def test_zstd_cut_off(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="corrupt"):
        unpack(tmp_path, zstd(tar(entry("a", os.urandom(50_000))))[:-3000])


@needs_zstd
def test_zstd_with_rubbish_behind(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="corrupt"):
        unpack(tmp_path, zstd(tar(entry("a"))) + b"rubbish")


def test_a_full_or_closed_disk_is_not_called_a_corrupt_archive(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_bytes(tar(entry("a")))
    with pytest.raises(DeployError, match="cannot be unpacked"):
        extract(tmp_path / "artifact", tmp_path / "missing")


def test_the_memory_taken_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(tar(*(directory(f"d{number}") for number in range(5000))), 1))
    tracemalloc.start()
    measure(tmp_path / "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
