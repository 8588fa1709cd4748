"""From people to machines: what must hold for every plan, and what the price table may be."""

from __future__ import annotations

import dataclasses
import random
from itertools import pairwise
from pathlib import Path

import pytest
from rings import first_of

from voxdemo.errors import InputError
from voxdemo.planning import prices, stages, theory, work
from voxdemo.planning.stages import Demand, Planner
from voxdemo.settings import Settings

EXAMPLES = prices.read(prices.EXAMPLES)
DEMAND = Demand(peak_share=0.1, each_per_minute=1.0, cached=0.2, wait_s=10.0)
KOKORO = work.as_measured(work.VOICES["kokoro"], 300, 0.1)


def planner(**changed: float) -> Planner:
    return Planner(dataclasses.replace(DEMAND, **changed), KOKORO, EXAMPLES["cpu"], EXAMPLES)


def chance(seed: int) -> Planner:
    """A plan for somebody of whom nothing is known."""
    rng = random.Random(seed)
    demand = Demand(rng.uniform(0.001, 1), rng.uniform(0.01, 5), rng.uniform(0, 0.9), rng.uniform(0, 60))
    voice = work.on_a_gpu(rng.uniform(0.01, 2))
    machine = EXAMPLES[rng.choice(["cpu", "gpu"])]
    return Planner(demand, work.as_measured(voice, rng.uniform(20, 2_000), rng.uniform(0, 1)), machine, EXAMPLES)


@pytest.mark.parametrize("seed", first_of(*range(12)))
def test_more_users_never_need_less(seed: int) -> None:
    plans = chance(seed)
    for few, many in pairwise(plans.stage(users) for users in (1, 9, 60, 150, 700, 1_500)):
        assert few.generators <= many.generators
        assert few.machines <= many.machines
        assert few.in_one_line <= many.in_one_line
        assert few.memory_gb <= many.memory_gb
        assert few.per_month <= many.per_month


@pytest.mark.parametrize("seed", first_of(*range(12)))
def test_a_plan_keeps_its_promise_and_one_machine_less_would_not(seed: int) -> None:
    plans = chance(seed)
    stage = plans.stage(400)
    per_s, most = plans.demand.per_s(400), plans.most_generators

    def suffice(machines: int) -> bool:
        wait_s = theory.open_wait(plans.work.services, per_s / machines, most, stages.PROMISED)
        is_calm = theory.load(plans.work.services, per_s / machines) <= 0.9 * most
        return wait_s <= plans.demand.wait_s and is_calm and 400 * plans.demand.peak_share / machines <= 250

    assert stage.wait_s <= plans.demand.wait_s
    assert stage.busy <= 0.9 + 1e-9
    assert suffice(stage.machines)
    assert stage.machines == 1 or not suffice(stage.machines - 1)
    assert stage.in_one_line <= stage.machines * most  # one line over all never needs more


@pytest.mark.parametrize("seed", first_of(*range(4)))
def test_a_single_machine_serves_as_many_as_it_says(seed: int) -> None:
    plans = chance(seed)
    most = plans.users_of_one()
    assert most == 0 or plans.stage(most).machines == 1
    assert plans.stage(most + 1).machines > 1


@pytest.mark.parametrize(
    ("easier", "harder"),
    [
        ({"cached": 0.5}, {"cached": 0.1}),
        ({"wait_s": 60.0}, {"wait_s": 1.0}),
        ({"peak_share": 0.02}, {"peak_share": 0.2}),
        ({"each_per_minute": 0.2}, {"each_per_minute": 2.0}),
    ],
)
def test_what_makes_it_harder_needs_more(easier: dict[str, float], harder: dict[str, float]) -> None:
    assert planner(**easier).stage(2_000).machines < planner(**harder).stage(2_000).machines


def test_people_in_line_need_front_ends_even_where_hardly_anybody_asks() -> None:
    stage = planner(each_per_minute=0.001, peak_share=1.0).stage(1_000)
    assert (stage.machines, stage.online) == (4, 1_000)


def test_one_machine_needs_no_balancer_and_several_need_one() -> None:
    one, two = planner().stage(100), planner().stage(200)
    assert (one.machines, one.per_month) == (1, EXAMPLES["cpu"].per_month)
    assert two.per_month == two.machines * EXAMPLES["cpu"].per_month + EXAMPLES["balancer"].per_month


def test_no_more_generators_stand_on_a_machine_than_its_memory_holds() -> None:
    small = EXAMPLES["cpu"].model_copy(update={"memory_gb": 2.9})  # two take 3.0 GB
    assert Planner(DEMAND, KOKORO, small, EXAMPLES).most_generators == 1
    smaller = small.model_copy(update={"memory_gb": 1.7})
    with pytest.raises(InputError, match=r"Kokoro-82M needs 1\.8 GB, and 'cpu' can't hold a generator: choose"):
        Planner(DEMAND, KOKORO, smaller, EXAMPLES).stage(1)


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(InputError, match="more than 100,000 generators busy"):
        planner(each_per_minute=60.0, peak_share=1.0).stage(10_000_000)


def test_the_texts_that_stand_for_all_are_as_long_as_asked_for() -> None:
    voice = work.MeasuredVoice("even", "Even", 1.0, 0.5, 1.0, 1.0, "cpu", "")
    texts = work.as_measured(voice, 350, 0.0).texts_s
    assert sum(texts) / len(texts) == pytest.approx(1.0 + 0.5 * 350 / work.CHARACTERS_A_SECOND, rel=0.01)
    half = dataclasses.replace(KOKORO, texts_s=[4.0], recording_share=0.5).services
    assert sum(half) / len(half) == pytest.approx((4.0 + KOKORO.recording_s) / 2)


def test_its_bounds_are_those_of_the_settings() -> None:
    rows = {row.machine: row.generators for row in EXAMPLES.values()}
    bounds = [each.le for each in Settings.model_fields["generators"].metadata if hasattr(each, "le")]
    assert bounds == [max(rows.values())]


ROWS = prices.EXAMPLES.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("", "it has no row 'balancer'"),
        (ROWS.partition("balancer,")[0], "it has no row 'balancer'"),
        (ROWS.replace(",60,", ",much,"), "row 1, per_month: "),
        (ROWS.replace(",480,", ",-1,"), "row 2, per_month: "),
        (ROWS.replace(",480,", ",nan,"), "row 2, per_month: "),
        (ROWS.replace(",2,16,", ",3,16,"), "row 1, generators: "),
        (ROWS.replace("date,", "day,"), "row 1, date: "),
        (ROWS.replace("2026-11-29", "yesterday"), "row 1, date: it isn't a date such as 2026-11-29"),
        (ROWS.replace(",", ";"), "row 1, "),
        (ROWS.replace("480,EUR", "480,USD"), "it mixes currencies"),
    ],
)
def test_a_wrong_price_table_is_told_in_a_sentence(tmp_path: Path, table: str, why: str) -> None:
    (tmp_path / "own.csv").write_text(table)
    with pytest.raises(InputError) as refused:
        prices.read(tmp_path / "own.csv")
    assert refused.value.sentence.startswith(f"The price table own.csv can't be used ({why}")
    assert refused.value.sentence.endswith("): mend it, or begin with a copy of voxdemo/planning/prices.csv.")


def test_a_price_table_may_come_from_a_spreadsheet(tmp_path: Path) -> None:
    """With a mark of its encoding, Windows' line ends, other columns and rows of one's own."""
    more = ROWS.replace("\n", ",note\n", 1).rstrip() + '\nbig,"a box, with two",2,64,99.5,EUR,2026-11-30,me,x\n'
    (tmp_path / "own.csv").write_bytes(b"\xef\xbb\xbf" + more.replace("\n", "\r\n").encode())
    assert prices.read(tmp_path / "own.csv")["big"].per_month == 99.5
