#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_site
short_description: Have nginx serve a site, and never leave it with a configuration it refuses
version_added: 0.1.0
author: nodeops maintainers (@nodeops)
description:
  - Writes one file of nginx's configuration when nginx accepts the whole of it. Otherwise the file is put back at once,
    as it was.
  - Refuses, before anything is written, what another file of the configuration serves already. That is a name on the
    same address, being the default server, a unix socket, or a port of an app. So is an address that another program
    listens on.
  - Does not reload nginx; RV(reload) says whether that is due.
options:
  path:
    description: The file, in a directory that nginx includes in its C(http) block.
    type: path
    required: true
  content:
    description: What it says. Needed with O(state=present).
    type: str
    default: ""
  state:
    description: Whether the site is to be served.
    type: str
    choices: [present, absent]
    default: present
  nginx_bin:
    description:
      - nginx, as a path or as a name that is looked up in C(PATH).
      - In check mode it may be missing, as it is on a fresh host.
    type: str
    default: nginx
attributes:
  check_mode: {support: full}
  diff_mode: {support: full}
  idempotent: {support: full}
extends_documentation_fragment:
  - nodeops.pm2.attributes
"""

EXAMPLES = r"""
- name: Serve a site
  nodeops.pm2.nginx_site:
    path: /etc/nginx/conf.d/shop.conf
    content: "{{ lookup('ansible.builtin.template', 'shop.conf.j2') }}"
  register: shop_site

- name: Reload nginx
  ansible.builtin.systemd_service:
    name: nginx
    state: reloaded
  when: shop_site.reload
"""

RETURN = r"""
reload:
  description: Whether the file has changed, or nginx's workers are older than the file.
  returned: success
  type: bool
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _nginx_site
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of

SPEC: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "nginx_bin": {"type": "str", "default": "nginx"},
}


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Read, decide, act."""
    path = Path(params["path"])
    wanted = params["content"] if params["state"] == "present" else None
    seen = _nginx_site.read(params["nginx_bin"], path, needed=not check_mode)
    if wanted is not None:
        _nginx_site.refuse_taken(seen, path, wanted)
    changed = seen.content != wanted
    if changed and not check_mode:
        _nginx_site.put(params["nginx_bin"], path, wanted, before=seen.content)
    return {
        "changed": changed,
        "reload": changed or _nginx_site.is_newer_than_workers(path),
        "diff": {
            "before_header": str(path),
            "after_header": str(path),
            "before": seen.content or "",
            "after": wanted or "",
        },
    }


def main() -> None:
    """Run and exit."""
    module = AnsibleModule(SPEC, required_if=[("state", "present", ["content"])], supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except (DeployError, OSError) as error:
        module.fail_json(**failure_of(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
