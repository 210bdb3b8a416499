# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard's mouth: what is told goes to a spool at once, and from there to people in a thread of its own.

A slow or dead service outside must not keep the guard from watching; nor may it lose what was to be told.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _alert_test, _clock, _heartbeat, _ledger, _routing
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import DELIVERED, Channel, Message
from ansible_collections.nodeops.pm2.plugins.module_utils._channels import try_all
from ansible_collections.nodeops.pm2.plugins.module_utils._delivery import TIMEOUT, deliver
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._lines import Line, Lines
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice, message_of
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import NONE, Secret
from ansible_collections.nodeops.pm2.plugins.module_utils._spool import LIMIT, Spool

_LOG = logging.getLogger("bluegreen")
_IDLE = 1.0  # seconds between two looks at the spool when nobody has called


def _remembered(path: Path) -> object:
    """What was told before; where that cannot be read it is told again, which is better than not at all."""
    try:
        return read_json(path)
    except OSError:
        return None


class Herald:
    """Tells people, and a dead man's switch.

    :param directory: where the spool and what has been told lie.
    :param least: severity from which on chats are told.
    :param heartbeat: address of the dead man's switch, empty for none.
    """

    def __init__(
        self,
        directory: Path,
        channels: Sequence[Channel],
        *,
        least: str,
        heartbeat: Secret = NONE,
        interval: float = 60.0,
    ) -> None:
        self.channels = channels
        self.said: list[str] = []
        self._directory = directory
        self._told = directory / "told.json"
        self._state = _routing.load(_remembered(self._told))
        self._spool = Spool(directory / "spool")
        self._lines = Lines(directory / "lines.json")
        self._least = least
        self._heartbeat, self._interval = heartbeat, interval
        self._pulse = _heartbeat.Pulse()
        self._good, self.is_critical = False, False
        self._waiting: list[tuple[Message, list[str], _clock.Moment]] = []
        self._is_remembered = True
        self._called, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="herald", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Deliver no more; what is under way may end."""
        self._ended.set()
        self._called.set()
        self._thread.join(timeout)

    def tell(self, notice: Notice, *, secrets: Sequence[str] = ()) -> str:
        """Tell it, unless it was told just now; the id of the message, ``''`` where none is sent.

        Where the disk takes nothing it waits in memory until :meth:`settle` can write it down.
        """
        now = _clock.now()
        state, messages = _routing.tell(self._state, notice, now=now)
        self._send(state, messages, now=now, secrets=secrets)
        return messages[0][0] if messages else ""

    def delivered(self, identifier: str) -> _clock.Moment | None:
        """When somebody got a message first; ``None`` where nobody has, or it is too long ago."""
        entries, _broken = self._spool.entries()
        deliveries = [one for entry in entries if entry.message.id == identifier for one in entry.deliveries.values()]
        moments = [one.tried for one in deliveries if one.state == DELIVERED and one.tried is not None]
        return min(moments, key=lambda moment: moment.wall, default=None)

    def end(self, app: str, *kinds: str, done: str = "", live: str = "") -> None:
        """Something is over; people are told when it stays so, with what was ``done`` and what is ``live``."""
        self._note(_routing.end(self._state, app=app, kinds=kinds, now=_clock.now(), done=done, live=live))

    def did(self, app: str, done: str) -> None:
        """Something was done about what is the matter; people are told with its end."""
        self._note(_routing.did(self._state, app=app, done=done))

    def lasts(self, app: str) -> None:
        """The app is not well: nothing that is the matter with it is over."""
        self._note(_routing.lasts(self._state, app=app))

    def settle(self) -> None:
        """Tell what has been counted, and what is over; to be called every second or so.

        :raises OSError: while there is something that the disk does not take.
        """
        now = _clock.now()
        state, messages = _routing.settle(self._state, now=now)
        if messages or len(state) != len(self._state):
            self._send(state, messages, now=now, secrets=())
        self._state = state
        self._write()

    def feel(self, *, good: bool, critical: bool) -> None:
        """How all is, for the heartbeat."""
        self._good, self.is_critical = good, critical

    def failing(self) -> Mapping[str, str]:
        """Why, by name, for each channel whose last attempt failed."""
        return self._lines.failing(self.channels)

    def _send(
        self, state: _routing.State, messages: Sequence[_routing.ToSend], *, now: _clock.Moment, secrets: Sequence[str]
    ) -> None:
        for identifier, notice in messages:
            message = message_of(notice, identifier=identifier, at=_ledger.now(), secrets=secrets)
            names = _routing.channels_for(message.severity, self.channels, least=self._least)
            self._waiting = [*self._waiting[-LIMIT:], (message, names, now)]
        self._remember(state)
        self._called.set()

    def _note(self, state: _routing.State) -> None:
        if state != self._state:  # a guard that is started anew has to know
            self._remember(state)

    def _remember(self, state: _routing.State) -> None:
        self._state, self._is_remembered = state, False
        with contextlib.suppress(OSError):  # settle() tries again, and says so
            self._write()

    def _write(self) -> None:
        """First the spool, then the memory of it: who dies in between says it a second time with the same id."""
        while self._waiting:
            message, names, put = self._waiting[0]
            self._spool.put(message, names, now=put)
            del self._waiting[0]
        if not self._is_remembered:
            write_atomic(self._told, json.dumps(_routing.dump(self._state)), mode=0o600)
            self._is_remembered = True

    def _run(self) -> None:
        while not self._ended.is_set():
            self._called.wait(_IDLE)
            self._called.clear()
            try:
                self._answer_test()
                said = deliver(self._spool, self._lines, self.channels, clock=_clock.now)
                said += self._beat()
            except OSError as error:  # a full disk must not end the thread: room may come back
                said = [f"messages cannot be kept on disk: {error}"]
            except Exception as error:  # noqa: BLE001 - whatever a service answers, the others are to be told
                said = [f"messages cannot be delivered: {error!r}"]
            for sentence in said if said != self.said else ():
                _LOG.warning("%s", sentence)
            self.said = said

    def _answer_test(self) -> None:
        """Somebody asks whether people can be reached, see :mod:`_alert_test`."""
        asked = _alert_test.asked(self._directory)
        if asked:
            verdicts = try_all(self.channels, _alert_test.message(asked), timeout=TIMEOUT)
            now = _clock.now()
            for one in verdicts:
                if one.good:  # what was wrong before is mended, so that nothing has to wait any longer
                    self._lines.note(one.channel, Line(tried=now, good=now))
            _alert_test.answer(self._directory, asked, verdicts)

    def _beat(self) -> list[str]:
        """Tell the dead man's switch what is due; why it has not heard."""
        now = _clock.now()
        good = self._good and not self.failing()
        told = _heartbeat.due(self._pulse, good=good, critical=self.is_critical, now=now, interval=self._interval)
        if not told or not self._heartbeat:
            return []
        problem = _heartbeat.send(self._heartbeat, told)
        self._pulse = _heartbeat.after(self._pulse, told, heard=not problem, now=now)
        return [problem] if problem else []
