#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: sentry_release
short_description: Register a release and its deploy with Sentry
version_added: 0.1.0
author: nodeops maintainers (@nodeops)
description:
  - Creates the release in Sentry, or completes one that is there already, and registers that it was deployed.
  - Looks first, so that a second run changes nothing. Sentry itself would count every call as one more deploy.
  - Runs wherever Sentry is reached from, which need not be the host that was deployed to.
extends_documentation_fragment:
  - nodeops.pm2.attributes
attributes:
  check_mode:
    support: full
    details: It asks Sentry what is there, and says what it would register.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  api_url:
    description: Where Sentry is, without C(/api/0). For a region or a server of your own it is another one.
    type: str
    default: https://sentry.io
  organization:
    description: Slug of the organization.
    type: str
    required: true
  projects:
    description: Slugs of the projects that the release belongs to.
    type: list
    elements: str
    required: true
  version:
    description:
      - Name of the release, the same that the app reports as C(SENTRY_RELEASE).
      - It must not contain slashes.
    type: str
    required: true
  ref:
    description: The commit it was built from. Empty leaves it as it is.
    type: str
    default: ''
  url:
    description: Where people find the release. Empty leaves it as it is.
    type: str
    default: ''
  environment:
    description: What it was deployed to, such as V(production). Empty registers no deploy.
    type: str
    default: ''
  name:
    description: Name of the deploy. One of the same name and O(environment) is the same, and not registered again.
    type: str
    default: ''
  token:
    description: An organization token with the scope C(project:releases) or C(org:ci).
    type: str
    required: true
  timeout:
    description: Seconds that one question may take.
    type: int
    default: 10
  patience:
    description: Seconds to wait in all where Sentry answers that it is asked too often (429).
    type: int
    default: 60
  validate_certs:
    description: Whether Sentry's certificate has to be one that this machine trusts.
    type: bool
    default: true
  fail:
    description:
      - Whether the task fails when it could not be registered.
      - A deploy says V(false), because a release that serves its users is not undone for that. It is then a warning.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Tell Sentry that the release is in production
  nodeops.pm2.sentry_release:
    organization: example
    projects: [shop]
    version: shop@20261123T101500-abc1234
    ref: abc1234def5678abc1234def5678abc1234def56
    environment: production
    name: 20261123T101500-abc1234 on web1
    token: "{{ sentry_token }}"
    fail: false
  delegate_to: localhost
"""

RETURN = r"""
said:
  description: What was registered, or would be. Empty where all was there already.
  returned: always
  type: list
  elements: str
  sample: [create release shop@20261123T101500-abc1234, register its deploy to production]
problem:
  description: Why it could not be registered. Empty where it was.
  returned: always
  type: str
"""

import json
from typing import Any
from urllib.error import HTTPError

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._sentry import Exchange, Reply, Wish, register

SPEC: dict[str, Any] = {
    "api_url": {"type": "str", "default": "https://sentry.io"},
    "organization": {"type": "str", "required": True},
    "projects": {"type": "list", "elements": "str", "required": True},
    "version": {"type": "str", "required": True},
    "ref": {"type": "str", "default": ""},
    "url": {"type": "str", "default": ""},
    "environment": {"type": "str", "default": ""},
    "name": {"type": "str", "default": ""},
    "token": {"type": "str", "required": True, "no_log": True},
    "timeout": {"type": "int", "default": 10},
    "patience": {"type": "int", "default": 60},
    "validate_certs": {"type": "bool", "default": True},
    "fail": {"type": "bool", "default": True},
}


def exchange_of(params: dict[str, Any]) -> Exchange:
    """Ask the API that the options name."""
    base = f"{params['api_url'].rstrip('/')}/api/0/"
    headers = {"Authorization": f"Bearer {params['token']}", "Content-Type": "application/json"}

    def ask(method: str, path: str, body: Any) -> Reply:
        data = None if body is None else json.dumps(body)
        how = {"timeout": params["timeout"], "validate_certs": params["validate_certs"]}
        try:
            answer = open_url(base + path, data=data, headers=headers, method=method, follow_redirects="none", **how)
        except HTTPError as refused:
            answer = refused  # it is an answer, too
        with answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, answer.read().decode(errors="replace"), found)

    return ask


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Register, and return what was; raises :class:`DeployError` where that fails and failing is wanted."""
    fields = ("organization", "version", "ref", "url", "environment", "name")
    wish = Wish(projects=tuple(params["projects"]), **{name: params[name] for name in fields})
    try:
        said = register(wish, exchange_of(params), check_mode=check_mode, patience=params["patience"])
    except DeployError as error:
        if params["fail"]:
            raise
        return {"changed": False, "said": [], "problem": str(error)}
    return {"changed": bool(said), "said": said, "problem": ""}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except DeployError as error:
        module.fail_json(**error.failure())
    if result["problem"]:
        module.warn(result["problem"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
