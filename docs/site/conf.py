# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sphinx, for the site that ``make docs`` builds."""

from __future__ import annotations

project = "nodeops.pm2"
# Sphinx asks for it under this name.
copyright = "nodeops maintainers"  # noqa: A001
title = html_short_title = "nodeops.pm2"
extensions = ["sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_index = False
html_copy_source = False
default_role = "any"
# Ansible's own documentation is another site, which cannot be asked while this one is built.
nitpicky = False
suppress_warnings = ["ref.any", "ref.ref"]
