# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a release is run, reached and left, matching ``_app.SPEC`` without the proof."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  app:
    description: Name of the app, for its hooks and its alerts.
    type: str
    default: ''
  slots:
    description:
      - The places a release can run in.
      - With an edge two equal ones; without, the main one first and the spare second.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: V(blue) or V(green); without an edge V(main) or V(spare).
        type: str
        required: true
      process:
        description: The name that PM2 knows the slot's process by.
        type: str
        required: true
      address:
        description: Where the app itself listens, such as V(127.0.0.1:3001) or V(unix:/run/demo/blue.sock).
        type: str
        required: true
      socket:
        description: The unix socket that the edge dials for this slot. Empty without an edge.
        type: path
        default: ''
  pm2_home:
    description: C(PM2_HOME) of the deploy user.
    type: path
    default: ''
  pm2_bin:
    description: PM2 on the host. A path to its script, or a name on the system's path.
    type: str
    default: pm2
  node_bin:
    description: Node.js on the host. A path, or a name on the system's path.
    type: str
    default: node
  front:
    description: Where a user comes in, as the host itself reaches it. V(http://127.0.0.1:8080) or V(127.0.0.1:3000).
    type: str
    default: ''
  stop_timeout:
    description: Seconds that a process may take to stop, and PM2 to start one.
    type: float
    default: 30
  drain_timeout:
    description: Seconds that the open connections of a retiring slot may take to end.
    type: float
    default: 30
  standby:
    description: Seconds that a retiring slot stays warm first, so that a rollback in that time is one rename.
    type: float
    default: 0
  keep:
    description: How many good releases stay on disk.
    type: int
    default: 5
  confirm_timeout:
    description:
      - Seconds after publishing by which the release has to be confirmed.
      - The guard takes back what has not been, so that a controller that dies in between leaves nothing unproved live.
    type: float
    default: 600
  reversible:
    description:
      - Whether releases from before this one may be put back without a person.
      - V(false) where something was run once for it, such as a migration, that older code cannot live with. Then it is
        not taken back by itself once it is live; the app freezes instead.
    type: bool
    default: true
  secret_files:
    description: Env files on the host whose values are never shown in a message or a record.
    type: list
    elements: path
    default: []
  guard:
    description:
      - How the guard is to watch the app, where that differs from the host's settings. Keys are C(bake), C(probes),
        C(interval), C(loop), C(hang), C(windows) and C(log_patterns), as in P(nodeops.pm2.guard#role).
    type: dict
    default: {}
"""
