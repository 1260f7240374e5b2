"""The simulated study: ``python benchmarks/detection/study.py [SERVICES] [METHOD ...]``.

Prints, for each number the project promises, what was measured on the seeds for scoring.
Thresholds of ours come from the tuning seeds (calibrate.py). Those of all other methods,
the oracle too, are set for each rate on the very years they are scored on, which favours
them. An outage of which nobody watched half is not counted. METHODs are parts of names,
such as "EARS C3"; all by default.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np

import measure
import methods
import ours
from calibrate import episodes_over
from miner.detector.engine import Engine
from miner.detector.thresholds import Thresholds
from miner.scorer import quantile, rate as poisson, share
from miner.testing.simulate import Simulated
from worlds import RATES, SCORE, TRAINING_DAYS, outage_months, quiet_years

ARL = np.log(525_600)


def dial(a_year: float) -> Callable[[np.ndarray], np.ndarray]:
    """Alarm thresholds of ours by rate."""
    table = Thresholds(a_year, 1.0)
    return lambda rates: table(rates)[0]


def in_sample(
    sim: Simulated, score: np.ndarray, step: int, a_year: float, *, one: bool
) -> dict[float, float]:
    """Lowest threshold of each rate with at most so many false alarms a service-year.

    ``one``: the same for all rates, as the published methods have it.
    """
    found = {}
    years = measure.years(sim)
    for r in RATES:
        own = np.arange(len(sim.rates)) if one else np.flatnonzero(sim.rates == r)
        top = max(float(np.max(score[own])), 1.0)
        low, high = 0.0, top + 1
        for _ in range(14):
            middle = (low + high) / 2
            n = sum(len(episodes_over(sim, i, score[i], step, middle)) for i in own)
            low, high = (low, middle) if n <= a_year * years[own].sum() else (middle, high)
        found[r] = high
        if one:
            return dict.fromkeys(RATES, high)
    return found


def floors(sim: Simulated) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Minutes in which the true mean gathers log(525,600) nats; and what each outage was."""
    floor, kinds = [], {"rate": [], "ratio": [], "minutes": [], "watched": [], "service": []}
    for i, name in enumerate(sim.names):
        own = sim.outages[sim.outages["service"] == name]
        for o, e, row in zip(
            measure.minutes(own["onset"]),
            measure.minutes(own["end"]),
            own.itertuples(),
            strict=True,
        ):
            if o < TRAINING_DAYS * 1440:
                continue
            first = int(o)
            at = np.arange(first, min(first + 600, sim.mu.shape[1]))
            mean = sim.mu[i, at] * sim.coverage[i, at].astype(float)
            part = np.where(at == first, first + 1 - o, 1.0)
            middle = np.maximum(at + 0.5 - o, part / 2)
            lift = 1 + (row.ratio - 1) * (1 - np.exp(-middle / row.rise))
            gained = np.cumsum(part * mean * (lift * np.log(lift) - lift + 1) / sim.phi[i])
            k = int(np.searchsorted(gained, ARL))
            floor.append(
                np.inf
                if k == len(gained)
                else max(0.0, np.interp(ARL, np.append(0, gained), np.append(o, at + 1)) - o)
            )
            for key, value in zip(
                kinds,
                (
                    sim.rates[i],
                    row.ratio,
                    e - o,
                    (sim.coverage[i, first : int(e) + 1] > 0).mean(),
                    i,
                ),
                strict=True,
            ):
                kinds[key].append(value)
    return np.array(floor), {key: np.array(value) for key, value in kinds.items()}


def paired(ours_hit: np.ndarray, theirs: np.ndarray, service: np.ndarray) -> list[float]:
    """Difference of detection in points with its 95 % interval, services drawn again."""
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(service == s) for s in np.unique(service)]
    gains = np.array([(ours_hit[g].sum() - theirs[g].sum(), len(g)) for g in groups], dtype=float)
    draws = rng.integers(0, len(groups), (2000, len(groups)))
    means = gains[draws, 0].sum(axis=1) / gains[draws, 1].sum(axis=1)
    middle = gains[:, 0].sum() / gains[:, 1].sum()
    return [round(100 * float(v), 1) for v in (middle, *np.quantile(means, [0.025, 0.975]))]


def covers(sim: Simulated, engine: Engine) -> dict[str, object]:
    """Shares of true onsets and ends within their 90 % intervals, and median widths."""
    inside: dict[str, list[float]] = {"onset": [], "end": []}
    widths: dict[str, list[float]] = {"onset": [], "end": []}
    for i, name in enumerate(sim.names):
        own = sim.outages[sim.outages["service"] == name]
        episodes = [e for e in engine.outages() if e.service == i]
        for o, e in zip(measure.minutes(own["onset"]), measure.minutes(own["end"]), strict=True):
            hit = [x for x in episodes if o <= x.raised + 1 - ours.FIRST <= e + measure.LATE]
            if o < TRAINING_DAYS * 1440 or not hit:
                continue
            for key, truth in (("onset", o), ("end", e)):
                found = getattr(hit[0], key)
                if found is not None:
                    low, high = found.low - ours.FIRST, found.high - ours.FIRST
                    inside[key].append(low <= truth <= high)
                    widths[key].append(high - low)
    return {
        key: {
            "cover": share(int(sum(inside[key])), len(inside[key])).__dict__,
            "median_width_minutes": float(np.median(widths[key])),
        }
        for key in inside
    }


def _by_rate(limits: dict[float, float]) -> Callable[[np.ndarray], np.ndarray]:
    logs, values = np.log(list(limits)), list(limits.values())
    return lambda rates: np.interp(np.log(np.maximum(rates, 1e-9)), logs, values)


def run(services: int, names: list[str]) -> None:
    """Run the study and print its report."""
    quiet, months = quiet_years(SCORE, services), outage_months(SCORE)
    floor, kinds = floors(months)
    counted = kinds["watched"] >= 0.5
    report: dict[str, object] = {
        "service_years": round(float(measure.years(quiet).sum()), 1),
        "outages": int(counted.sum()),
    }
    _, calm, seconds = ours.run(quiet, lambda r: np.full(len(r), np.inf))
    report["microseconds_a_service_bin"] = round(seconds / calm.size * 1e6, 2)
    hits: dict[str, np.ndarray] = {}
    for label, a_year in (("1/month", 12.0), ("1/year", 1.0)):
        engine, _, _ = ours.run(months, dial(a_year), keep=False)
        found = measure.judge(months, ours.alarms(engine, len(months.names)))
        hit = np.isfinite(found.delays)
        limits = dial(a_year)(quiet.rates)
        peaks = [len(episodes_over(quiet, i, calm[i], 1, limits[i])) for i in range(services)]
        classes = {}
        for r in RATES:
            own = quiet.rates == r
            of = counted & (kinds["rate"] == r) & (kinds["ratio"] >= 10) & (kinds["minutes"] >= 15)
            years = float(measure.years(quiet)[own].sum())
            classes[f"{r:g}"] = {
                "false_alarms_a_year": poisson(int(np.array(peaks)[own].sum()), years).__dict__,
                "found_x10_15min": share(int(hit[of].sum()), int(of.sum())).__dict__,
                "median_delay": quantile(found.delays[of], 0.5).value,
                "allowed_median": float(np.median(1.5 * floor[of] + 1)),
            }
        bursts = measure.judge(quiet, measure.crossings_of(calm, limits))
        report[label] = {
            "found": share(int(hit[counted].sum()), int(counted.sum())).__dict__,
            "by_rate": classes,
            "bursts_alarmed": share(bursts.burst_alarms, bursts.bursts).__dict__,
            "intervals": covers(months, engine),
        }
        hits[label] = hit
        print(json.dumps({label: report[label]}, indent=1), flush=True)
    matched = in_sample(quiet, calm, 1, 12.0, one=False)
    engine, _, _ = ours.run(months, _by_rate(matched), keep=False)
    found = measure.judge(months, ours.alarms(engine, len(months.names)))
    ours_matched = np.isfinite(found.delays)
    report["found_matched_1/month"] = round(100 * float(ours_matched[counted].mean()), 1)
    print("ours, threshold set as for the others:", report["found_matched_1/month"], flush=True)
    others = {}
    chosen = [m for m in methods.METHODS if not names or any(name in m for name in names)]
    for name in ("oracle", *chosen):
        step = 1 if name == "oracle" else methods.STEP
        calm, loud = (
            methods.oracle(sim) if name == "oracle" else methods.scores(sim, name)
            for sim in (quiet, months)
        )
        for one in (False, True):
            limits = in_sample(quiet, calm, step, 12.0, one=one)
            at = np.array([limits[r] for r in months.rates])
            crossings = measure.crossings_of(loud, at, step)
            theirs = np.isfinite(measure.judge(months, crossings, step).delays)[counted]
            service = kinds["service"][counted]
            label = f"{name}, {'one threshold' if one else 'one threshold a rate'}"
            others[label] = {
                "found": round(100 * float(theirs.mean()), 1),
                "ours_minus_theirs": paired(hits["1/month"][counted], theirs, service),
                "ours_matched_minus_theirs": paired(ours_matched[counted], theirs, service),
            }
            print(label, others[label], flush=True)
    report["others_at_1/month"] = others
    print(json.dumps(report, indent=1))
    summary(report)


def summary(report: dict) -> None:
    """Print each promise beside what was measured."""
    others = report["others_at_1/month"]
    print(f"{report['service_years']} outage-free service-years, {report['outages']} outages")
    for name, goal in (("oracle", -3), ("EARS C3", 15), ("Farrington", 15)):
        for label, figures in others.items():
            if label.startswith(name):
                gains = figures["ours_minus_theirs"], figures["ours_matched_minus_theirs"]
                print(f"ours minus {label}: {gains[0]}, matched {gains[1]}; goal {goal}")
    for rate, row in report["1/year"]["by_rate"].items():
        found, false = row["found_x10_15min"], row["false_alarms_a_year"]
        print(
            f"{rate}/min at 1/year: false alarms {false['value']:.2f} a year "
            f"({false['low']:.2f} to {false['high']:.2f}); found {100 * found['value']:.1f} % "
            f"({100 * found['low']:.1f} to {100 * found['high']:.1f}); median delay "
            f"{row['median_delay']:.2f} min, allowed {row['allowed_median']:.2f}"
        )
    for key, row in report["1/year"]["intervals"].items():
        print(
            f"{key} intervals hold {100 * row['cover']['value']:.1f} %, goal 85 to 97; "
            f"median width {row['median_width_minutes']:.1f} min"
        )
    bursts = report["1/year"]["bursts_alarmed"]
    print(f"bursts that alarm: {100 * bursts['value']:.2f} %, goal at most 10")


def main() -> None:
    """Run the study with the arguments of the command line."""
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 108, sys.argv[2:])


if __name__ == "__main__":
    main()
