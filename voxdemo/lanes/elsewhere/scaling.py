"""How many voices the line wants, and when those will be there that are starting.

Whatever starts and stops voices asks the line how many there are to be. Those who wait are told seconds that count on a
voice from the moment at which it was asked for. Lives on the event loop.
"""

import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from voxdemo.lanes.elastic import Elastic, Load
from voxdemo.lanes.elsewhere.places import VoiceSeat
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seats import RESTART_S

SETTLE_S = 6.0
"""How long a new line wants neither more nor fewer voices: those of the line before it come in that time."""
LATE = 3.0
"""After so many times what it usually takes, nobody counts on a voice that hasn't come."""
LONGER = 0.5
"""One that is late is expected after this share more of the time that it has taken."""


class Scaling:
    """`look` is called twice a second or so."""

    def __init__(self, elastic: Elastic, lane: Lane) -> None:
        self.wanted: int | None = None
        """How many voices there are to be, with those that are starting; None: as many as there are."""
        self._elastic = elastic
        self._lane = lane
        self._begun_at = time.monotonic()
        self._asked = [self._begun_at] * max(1, elastic.least)
        """When each was asked for that hasn't come yet. Without a voice, a line doesn't know what it offers."""
        self._loading: dict[VoiceSeat, float] = {}
        """When those came that load their models."""
        self._known: Collection[VoiceSeat] = ()
        self._leaving = 0
        self._idle_since: dict[VoiceSeat, float] = {}
        self._has_offer = False
        self._came_s = 0.0
        """What the last voice took from when it was asked for until it began to load; 0.0: none was seen to."""
        self._load_s = 0.0
        """What it took from then until it was ready; 0.0: none was seen to."""

    @property
    def rests(self) -> bool:
        """Whether there isn't any voice because none was needed: the next job has one started."""
        return self._elastic.least == 0 and self._has_offer and not self._known

    def look(self, seats: Collection[VoiceSeat]) -> None:
        """See who has come and gone, and decide how many there are to be."""
        now = time.monotonic()
        self._loading = {seat: at for seat, at in self._loading.items() if seat in seats}  # some end while they load
        for seat in seats:
            if seat not in self._known:
                self._come(seat, now)
            elif seat in self._loading:
                self._load(seat, now)
        self._known, self._has_offer = list(seats), self._has_offer or bool(seats)
        staying = [seat for seat in seats if not seat.is_leaving]
        if now - self._begun_at >= SETTLE_S:
            self.wanted = self._decided(len(staying), self._rested(staying, now))
        missing = max(0, self.wanted - len(staying)) if self.wanted is not None else len(self._asked)
        self._asked = [*self._asked, *[now] * missing][:missing]
        start_s = self._come_s + self._expected_s(seats)
        self._lane.awaited = [_due(at, start_s, now) for at in self._asked if now - at < LATE * start_s]

    def _come(self, seat: VoiceSeat, now: float) -> None:
        asked_at = self._asked.pop(0) if self._asked else now
        if not (seat.is_ready or seat.has_failed):
            self._loading[seat] = now
            seat.ready_at = now + self._expected_s([*self._known, seat])
            if self._begun_at < asked_at < now:  # those of the beginning were asked for by nobody
                self._came_s = now - asked_at

    def _load(self, seat: VoiceSeat, now: float) -> None:
        came_at = self._loading[seat]
        seat.ready_at = _due(came_at, self._expected_s(self._known), now)
        if seat.is_ready or seat.has_failed:
            del self._loading[seat]
            seat.ready_at = None
            self._load_s = now - came_at if seat.is_ready else self._load_s
            self._lane.move_up()

    def _rested(self, staying: Sequence[VoiceSeat], now: float) -> int:
        """How many have been idle for long. Where one leaves that may have had work, the others are needed at first."""
        leaving, self._leaving = self._leaving, len(self._known) - len(staying)
        since = self._idle_since if self._leaving <= leaving else {}
        self._idle_since = {seat: since.get(seat, now) for seat in staying if seat.is_ready and not seat.tickets}
        return sum(now - at >= self._elastic.idle_s for at in self._idle_since.values())

    def _decided(self, staying: int, rested: int) -> int:
        stats, voices = self._lane.stats(), staying + len(self._asked)
        kept = voices if self.wanted is None else min(voices, self.wanted)
        wanted = self._elastic.wanted(Load(stats.running + stats.waiting, self._before_s, kept, rested))
        return max(wanted, 0 if self._has_offer else 1)

    @property
    def _before_s(self) -> float:
        return self._lane.order.before_last_s(self._elastic.target_s)

    def _expected_s(self, seats: Iterable[VoiceSeat]) -> float:
        """What a voice that has come takes to be ready: as long as the last one, or as models took to load."""
        load_s = max((report.status.load_s or 0.0 for seat in seats for report in seat.reports), default=0.0)
        return self._load_s or load_s or max(0.0, self._elastic.start_s - self._come_s)

    @property
    def _come_s(self) -> float:
        """What a voice takes from when it is asked for until it begins to load: as the last one, or as those here."""
        return self._came_s or max((seat.offer.start_s for seat in self._known), default=0.0) or RESTART_S

    @property
    def starting(self) -> int:
        """How many voices were asked for and haven't come yet, or load their models, for the first time or again."""
        loading = [each for each in self._known if not (each.is_ready or each.has_failed or each.is_leaving)]
        return len(self._asked) + len(loading)

    def figures(self) -> Mapping[str, tuple[str, float]]:
        """For Prometheus: what each is, and how much."""
        return {
            "voices_wanted": ("How many voices there are to be.", math.nan if self.wanted is None else self.wanted),
            "work_seconds": ("How much work is left before the last in line.", self._before_s),
            "voice_start_seconds": ("What a voice takes to start.", self._come_s + self._expected_s(self._known)),
        }


def _due(begun_at: float, takes_s: float, now: float) -> float:
    """When that ends which began then and usually takes so long."""
    return max(begun_at + takes_s, now + LONGER * (now - begun_at) if now > begun_at + takes_s else 0.0)
