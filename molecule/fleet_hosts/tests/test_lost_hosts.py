# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host lost in the middle of a deploy: the others stay together, it is named, and the next run brings it in line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, Run
from ansible_collections.nodeops.pm2.molecule.remote import Site, until

UNREACHABLE = 4  # exit code of ansible-playbook
OLD, NEW = "old", "new"
TOOK_OVER = "Took over the lock of "
ABORTED = "Marked {release} aborted: its deploy was interrupted before publish."
UNCONFIRMED = "{release} is live but was never confirmed: its soak is done now, and decides."


def holds(host: str, seconds: int = 600) -> list[list[str]]:
    """A hook that does nothing for a while, on that host alone."""
    return [["sh", "-c", f"test $(hostname) != {host} || exec sleep {seconds}"]]


def is_held(site: Site, _release: str) -> bool:
    """Whether the module has come to such a hook."""
    return site.is_held()


def is_live(site: Site, release: str) -> bool:
    return site.inside(f"readlink {site.card.root}/current").strip() == f"releases/{release}"


def has_soaked(site: Site, release: str) -> bool:
    """Whether the module has published and ended."""
    return is_live(site, release) and site.inside("pgrep -fu deploy 'sh -c /usr/bin/python3'") == ""


@dataclass(frozen=True)
class Loss:
    """How a host is lost in a deploy, and what has to come of it.

    :param host: which one.
    :param how: the plug is pulled, or the network is cut.
    :param at: when.
    :param seen: on which host that is looked at; empty: on the lost one.
    :param hooks: what holds the deploy up, there or elsewhere, so that the moment can be hit.
    :param ends: where the other hosts end.
    :param events: the ledger of the others.
    :param told: how the run calls it.
    :param found: what the next run says of it.
    """

    host: str
    how: Callable[[Site], None]
    at: Callable[[Site, str], bool]
    hooks: dict[str, Any]
    ends: str
    events: list[str]
    told: str
    found: tuple[str, ...]
    seen: str = ""
    soak: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)


GATED, TAKEN_BACK = ["staged", "gated", "aborted"], ["staged", "gated", "published", "aborted"]
LOSSES = {
    "powered off before publish": Loss(
        *("web3", Site.power_off, is_held, {"before_gate": holds("web3")}),
        *(OLD, GATED, "unreachable at gate", (TOOK_OVER, ABORTED)),
    ),
    "cut off between publish and confirm": Loss(
        *("web3", Site.cut, is_held, {"after_publish": holds("web3", 12)}),
        *(OLD, TAKEN_BACK, "unreachable at publish", (TOOK_OVER, UNCONFIRMED)),
    ),
    "powered off after its own wave": Loss(
        *("web1", Site.power_off, is_held, {"before_soak": holds("web2", 6)}),
        *(OLD, TAKEN_BACK, "unreachable at publish", (TOOK_OVER, UNCONFIRMED)),
        seen="web2",
        soak=4.0,
    ),
    "powered off when all have held": Loss(
        *("web3", Site.power_off, has_soaked, {"after_soak": holds("web2", 6)}),
        *(NEW, ["staged", "gated", "published", "good"], "unreachable at confirm", (TOOK_OVER, UNCONFIRMED)),
        options={"waves": ["100%"]},
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_others_stay_together_and_the_lost_one_comes_after(fleet: Site, sites: list[Site], name: str) -> None:
    loss, release = LOSSES[name], f"lost{list(LOSSES).index(name)}"
    lost, seen = (next(one for one in sites if one.card.name == name) for name in (loss.host, loss.seen or loss.host))
    others = [site for site in sites if site is not lost]
    before = lost.live()
    with contextlib.ExitStack() as stack:
        for site in others:
            stack.enter_context(site.asked(clients=3, rate=30))
        options: dict[str, Any] = {"hooks": loss.hooks, "soak": loss.soak, "waves": [1, "100%"], **loss.options}
        deploy = stack.enter_context(fleet.deploying("release-2", release=release, **options))
        until(lambda: loss.at(seen, release))
        loss.how(lost)
        run = deploy.end(ends=UNREACHABLE)
    print(f"{name}: the run ended after {run.seconds:.0f} s")
    for site in others:
        assert site.live() == (release if loss.ends == NEW else before)
        site.is_answered_by(site.live(), site.answer()["slot"])
        assert site.events(release)[: len(loss.events)] == loss.events
        assert not site.host.file(f"{site.layout.lock}").exists
    names_the_lost(run, loss, others)
    lost.comes_back()
    until(lambda: lost.answer() != {})
    brings_it_in_line(fleet, sites, lost, loss, release)


def names_the_lost(run: Run, loss: Loss, others: list[Site]) -> None:
    """In its own line, and where the others were stopped for its sake, in theirs."""
    verdicts = {line.split()[0]: line for line in run.output.splitlines() if re.match(r"web\d  ", line)}
    assert loss.told in verdicts[loss.host]
    assert "run again when the host is back" in verdicts[loss.host]
    for site in others:
        if loss.ends == OLD:
            assert f"Another host failed: {loss.host} (unreachable)." in verdicts[site.card.name], run.output
        else:
            assert f"{site.card.name}  good" in verdicts[site.card.name], run.output


def brings_it_in_line(fleet: Site, sites: list[Site], lost: Site, loss: Loss, release: str) -> None:
    """The next run finishes or undoes what was left there, says so, and moves every host."""
    run = fleet.deploy("release-1", release=f"{release}-after")
    for words in loss.found:
        assert f"{lost.card.name}: {words.format(release=release)}" in run.output, run.output
    for site in sites:
        site.is_answered_by(f"{release}-after", site.answer()["slot"])


def test_a_host_that_fails_in_the_second_wave_takes_the_first_one_back(fleet: Site, sites: list[Site]) -> None:
    before = sites[0].live()
    with contextlib.ExitStack() as stack:
        for site in sites:
            stack.enter_context(site.asked(clients=3, rate=30))
        refuses = [["sh", "-c", "test $(hostname) != web2 || { echo not on web2 >&2; exit 9; }"]]
        run = fleet.deploy("release-2", release="r9", hooks={"before_confirm": refuses}, ends=REFUSED)
    assert "not on web2" in run.output
    assert "Another host failed: web2." in run.output
    for site in sites:
        site.is_answered_by(before, site.answer()["slot"])
        assert site.events("r9") == TAKEN_BACK
