# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where an artifact comes from: an in-toto statement with SLSA's predicate, written beside it and read before a deploy.

Whoever can change the artifact can change this file too: it is evidence, and what proves it is a signature over it,
such as GitHub's attestation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD = "https://github.com/nodeops/ansible-pm2/artifact/v1"
BY_HAND = "urn:nodeops:pm2:by-hand"


@dataclass(frozen=True)
class Provenance:
    """What a deploy needs to know of it.

    :param sha256: of the archive, hex.
    :param revision: full commit, ``''`` where it does not say.
    :param release: the id that was given to the build, ``''`` where it does not say.
    """

    sha256: str
    revision: str
    release: str


@dataclass(frozen=True)
class Builder:
    """Who built it.

    :param id: a URI, of the workflow or the pipeline.
    :param run: the address of this very run; by hand, the user and the machine.
    :param source: a URI of the repository and the branch or tag, ``''`` where none is known.
    """

    id: str
    run: str
    source: str = ""


def builder_of(environment: Mapping[str, str], *, otherwise: str) -> Builder:
    """Who builds here, from the variables that a pipeline sets.

    :param otherwise: user and machine, where it is no pipeline.
    """

    def of(name: str) -> str:
        return environment.get(name, "")

    if of("GITHUB_ACTIONS") == "true":
        repository = f"{of('GITHUB_SERVER_URL')}/{of('GITHUB_REPOSITORY')}"
        run = f"{repository}/actions/runs/{of('GITHUB_RUN_ID')}/attempts/{of('GITHUB_RUN_ATTEMPT') or '1'}"
        workflow = f"{of('GITHUB_SERVER_URL')}/{of('GITHUB_WORKFLOW_REF') or of('GITHUB_REPOSITORY')}"
        return Builder(workflow, run, f"git+{repository}@{of('GITHUB_REF')}")
    if of("GITLAB_CI") == "true":
        source = f"git+{of('CI_PROJECT_URL')}@{of('CI_COMMIT_REF_NAME')}"
        return Builder(f"{of('CI_PROJECT_URL')}/-/ci", of("CI_JOB_URL"), source)
    return Builder(BY_HAND, otherwise)


def statement(
    found: Provenance, *, name: str, build: Sequence[Sequence[str]], builder: Builder, began: datetime, ended: datetime
) -> str:
    """The text of the file.

    :param name: of the archive.
    :param build: the commands that were run, which are cleaned of secrets.
    """
    source = {"uri": builder.source} if builder.source else {}
    document = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": found.sha256}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {
                    "release": found.release,
                    "build": [[clean(word) for word in command] for command in build],
                },
                "resolvedDependencies": [{**source, "digest": {"gitCommit": found.revision}}],
            },
            "runDetails": {
                "builder": {"id": builder.id},
                "metadata": {
                    "invocationId": builder.run,
                    "startedOn": f"{began:%Y-%m-%dT%H:%M:%SZ}",
                    "finishedOn": f"{ended:%Y-%m-%dT%H:%M:%SZ}",
                },
            },
        },
    }
    return json.dumps(document, indent=2) + "\n"


def read(path: Path) -> Provenance:
    """What a file says; one that is no such statement about one archive is refused."""
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError) as error:
        seen = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {clean(str(error))}"
        raise DeployError(
            "The provenance of the artifact cannot be read.",
            expected=f"one statement ({STATEMENT}) about one archive, with its sha256",
            seen=seen or type(error).__name__,
            where=str(path),
            remedy="Take it from the same build as the artifact, or leave bluegreen_provenance out.",
        ) from error


def _parsed(document: Any) -> Provenance:
    if document["_type"] != STATEMENT:
        raise ValueError(f"_type is {document['_type']}")
    [subject] = document["subject"]
    sha256 = str(subject["digest"]["sha256"])
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"sha256 is {sha256}")
    definition = document.get("predicate", {}).get("buildDefinition", {})
    commits = [one.get("digest", {}).get("gitCommit", "") for one in definition.get("resolvedDependencies", [])]
    release = str(definition.get("externalParameters", {}).get("release", ""))
    return Provenance(sha256, next((commit for commit in map(str, commits) if commit), ""), release)
