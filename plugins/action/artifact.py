# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole of artifact: it works on the controller, so that no host is asked and no module is sent."""

from __future__ import annotations

import getpass
import http.client
import os
import shutil
import socket
import tempfile
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ansible.errors import AnsibleActionFail
from ansible.module_utils.urls import ConnectionError as FetchError
from ansible.module_utils.urls import open_url
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.module_utils import _artifact
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import release_id
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _handover, _provenance

# urllib's own are OSError; a server that breaks off, a URL that is none and a certificate that is bad are not.
FETCH_ERRORS = (OSError, http.client.HTTPException, FetchError, ValueError)

SPEC: dict[str, Any] = {
    "archive": {"type": "str", "default": ""},
    "checksum": {"type": "str", "default": ""},
    "provenance": {"type": "path", "default": ""},
    "source": {"type": "str", "default": ""},
    "version": {"type": "str", "default": "HEAD"},
    "build": {"type": "list", "elements": "list", "default": []},
    "directory": {"type": "path", "default": "~/.cache/nodeops.pm2"},
    "output": {"type": "path", "default": ""},
    "release": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Makes or takes the archive; in check mode as well, since a rehearsal of the rest needs it."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate, make or take, and say what there is."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(argument_spec=SPEC)
        if self._task.check_mode:
            params["output"] = ""
        try:
            artifact = take(params)
        except DeployError as error:
            raise AnsibleActionFail(str(error)) from None
        if artifact.uncommitted:
            result["warnings"] = ["The checkout has changes that are not committed; they are not deployed."]
        return {**result, **vars(artifact), "path": str(artifact.path), "changed": bool(params["output"])}


def take(params: dict[str, Any]) -> _artifact.Artifact:
    """The one archive that the options ask for."""
    if bool(params["archive"]) == bool(params["source"]):
        raise DeployError(
            "It is not clear what to deploy.",
            expected="one of bluegreen_artifact and bluegreen_source",
            seen="both" if params["source"] else "neither",
        )
    release = release_or_none(params["release"])
    now = datetime.now(timezone.utc)
    return built(params, release, now) if params["source"] else given(params, release, now)


def built(params: dict[str, Any], release: str, now: datetime) -> _artifact.Artifact:
    """An archive that is made here, handed over where a pipeline wants that."""
    source = Path(params["source"]).expanduser().absolute()
    build, directory = params["build"], Path(params["directory"])
    made = _artifact.built(source, params["version"], build=build, directory=directory, release=release, now=now)
    if not params["output"]:
        return made
    text = _provenance.statement(
        _provenance.Provenance(made.checksum, made.revision, made.release),
        name=_handover.ARCHIVE,
        build=build,
        builder=_provenance.builder_of(os.environ, otherwise=f"{getpass.getuser()}@{socket.gethostname()}"),
        began=now,
        ended=datetime.now(timezone.utc),
    )
    output = Path(params["output"]).absolute()
    return replace(made, path=_handover.hand_over(made.path, output, sha256=made.checksum, provenance=text))


def given(params: dict[str, Any], release: str, now: datetime) -> _artifact.Artifact:
    """An archive that was made elsewhere, proved to be the one that its provenance speaks of."""
    checksum, revision = params["checksum"], ""
    if params["provenance"]:
        found = _provenance.read(Path(params["provenance"]).absolute())
        if checksum and checksum.strip().lower() != found.sha256:
            raise DeployError(
                "The checksum and the provenance speak of two artifacts.",
                expected=f"sha256 {checksum.strip().lower()}, as bluegreen_artifact_sha256 says",
                seen=f"sha256 {found.sha256}",
                where=params["provenance"],
                remedy="Take both from the same build.",
            )
        checksum, revision, release = found.sha256, found.revision, release or release_or_none(found.release)
    archive = fetched(params["archive"], directory=Path(params["directory"]), checksum=checksum)
    return _artifact.given(archive, checksum=checksum, release=release, now=now, revision=revision)


def release_or_none(text: str) -> str:
    """A release id that may be left out."""
    return release_id(text) if text else ""


def fetched(archive: str, *, directory: Path, checksum: str) -> Path:
    """Where the archive lies on the controller, fetched first where it is a URL."""
    if not archive.startswith(("http://", "https://")):
        return Path(archive).expanduser().absolute()
    if not checksum:
        raise DeployError(
            "An artifact from a URL needs its checksum.",
            expected="bluegreen_artifact_sha256",
            seen="nothing",
            where=_plain(archive),
        )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _artifact.cached(directory, "fetched", checksum)
    try:
        with tempfile.TemporaryDirectory(prefix="export-", dir=directory) as scratch:
            file = Path(scratch, "artifact")
            with open_url(archive, timeout=60) as answer, file.open("wb") as stream:
                shutil.copyfileobj(answer, stream)
            file.replace(path)
    except FETCH_ERRORS as error:
        raise DeployError(
            "The artifact cannot be fetched.",
            expected="an answer with status 200, whole, from a server whose certificate is good",
            seen=str(error) or type(error).__name__,
            where=_plain(archive),
            remedy="Check bluegreen_artifact, and whether the controller reaches it.",
        ) from error
    return path


def _plain(url: str) -> str:
    """A URL that may be shown: without user name, password and query, any of which may be a secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
