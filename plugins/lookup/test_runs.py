# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: test_runs
short_description: Runs of an app's tests, from their JUnit reports
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Reads JUnit XML on the controller, as C(node --test --test-reporter=junit), jest, vitest and mocha write it.
  - A run has passed if it has at least one case that was not skipped, and no failure or error. A report that cannot be
    read is a run that has not, and so is one whose C(revision) is given and empty.
  - A relative path is meant from where C(ansible-playbook) was started.
options:
  _terms:
    description:
      - "One entry a run: C(junit), the path of the report, and optionally C(name) and C(revision), the commit that was
        tested."
    required: true
    type: list
    elements: dict
seealso:
  - plugin: nodeops.pm2.checklist
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See whether the tests passed
  ansible.builtin.debug:
    msg: "{{ query('nodeops.pm2.test_runs', {'junit': 'reports/unit.xml', 'revision': 'abc1234'}) }}"
"""

RETURN = r"""
_list:
  description: The runs, each with C(name), C(passed), C(count) of the cases that ran, C(revision) and C(where).
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _test_run


class LookupModule(LookupBase):
    """Reads them."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
        """The runs."""
        self.set_options(var_options=variables, direct=options)
        try:
            return [_test_run.read(term) for term in terms]
        except DeployError as error:
            raise AnsibleLookupError(str(error)) from error
