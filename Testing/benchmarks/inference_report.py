"""The tables of the inference benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median
from typing import Any

from inference_contenders import CONTENDERS, OUR_WEIGHTS, OURS, WITHOUT_OPENVINO, Contender
from report_parts import NAMES, bullets, goal_text, machine_text, software_text, table
from stages_report import floor_goal, stages_text

from tumorseg.regions import REGIONS

Record = dict[str, Any]

GIGABYTE = 1e9
RATIO_GOAL, TORCH_RATIO_GOAL, DICE_GOAL = 20, 6, 0.002


def markdown(result: dict[str, Any]) -> str:
    """Environment, commands, costs and Dice of all contenders, which goals are met, and the stages of our command."""
    runs, stages = _of_kind(result, "run"), _of_kind(result, "stages")
    parts = [_environments(result), _commands(result), _costs(runs, _of_kind(result, "first")), _dice_of_cases(runs)]
    parts += [bullets([*_goals(runs), *floor_goal(stages)]), stages_text(stages)]
    return "\n\n".join(part for part in parts if part)


def cost_ratios(runs: Sequence[Record], contender: str, over: str = OURS) -> list[float]:
    """Median CPU-seconds of a contender over the median of another, for every case that both have."""
    pairs = [(_of(runs, contender, case), _of(runs, over, case)) for case in _cases(runs)]
    return [_middle(theirs, "cpu") / _middle(ours, "cpu") for theirs, ours in pairs if theirs and ours]


def dice_lead(runs: Sequence[Record], contender: str) -> float | None:
    """Mean Dice of ours over regions and cases, minus the contender's on the same cases."""
    pairs = [(_of(runs, OURS, case), _of(runs, contender, case)) for case in _cases(runs)]
    leads = [_mean_dice(ours[0]) - _mean_dice(theirs[0]) for ours, theirs in pairs if ours and theirs]
    return fmean(leads) if leads else None


def _environments(result: dict[str, Any]) -> str:
    records = result["records"]
    lines = []
    for number, where in enumerate(result["environments"]):
        if loads := [record["load"] for record in records if record["environment"] == number]:
            lines.append(machine_text(where, loads))
    by_software = {CONTENDERS[record["contender"]].software: record for record in records}
    lines += [software_text(name, by_software[name]) for name in NAMES if name in by_software]
    return bullets([*lines, *sorted(_weights(_of_kind(result, "run")))])


def _weights(runs: Sequence[Record]) -> set[str]:
    models = [row["model"] for row in runs if CONTENDERS[row["contender"]].weights == OUR_WEIGHTS]
    return {f"our weights: {model['name']}, SHA-256 {model['sha256'][:16]}…" for model in models}


def _commands(result: dict[str, Any]) -> str:
    """The commands that measured, and how many threads everybody had."""
    told = [options for options in result["options"] if "command" in options]
    if not told:
        return ""
    threads = "; ".join(dict.fromkeys(str(options["threads"]) for options in told))
    lines = "\n".join(options["command"] for options in told)
    return f"Threads of every contender: {threads}. Commands:\n\n```\n{lines}\n```"


def _costs(runs: Sequence[Record], first: Sequence[Record]) -> str:
    if not runs:
        return ""
    head = ["", "network", "cases x rounds", "CPU-seconds", "wall, s", "memory, GB", "CPU-seconds over ours"]
    rows = [_cost_row(contender, _of(runs, contender.name), runs) for contender in _contenders(runs)]
    title = "From four `.nii.gz` to one label `.nii.gz`, each a command of its own; medians over cases and rounds"
    notes = [
        f"The first run of ours, in which the network is made ready for the next ones: {row['cpu']:.1f} CPU-seconds."
        for row in first
    ]
    return "\n\n".join([title, table([*head, *(f"Dice {region}" for region in REGIONS)], rows), *notes])


def _cost_row(contender: Contender, own: Sequence[Record], runs: Sequence[Record]) -> list[str]:
    size = f"{len(_cases(own))} x {len({row['round'] for row in own})}"
    costs = [f"{_middle(own, 'cpu'):.1f}", f"{_middle(own, 'wall'):.1f}", f"{_middle(own, 'memory') / GIGABYTE:.2f}"]
    ratio = "" if contender.name == OURS else _range(cost_ratios(runs, contender.name))
    scored = [row["dice"] for row in own] if contender.weights == OUR_WEIGHTS else []
    dice = [f"{fmean(row[region] for row in scored):.3f}" if scored else "-" for region in REGIONS]
    return [_title(contender), _network(contender), size, *costs, ratio, *dice]


def _dice_of_cases(runs: Sequence[Record]) -> str:
    scored = [contender for contender in _contenders(runs) if contender.weights == OUR_WEIGHTS]
    rows = []
    for case in _cases(runs):
        found = [_of(runs, contender.name, case) for contender in scored]
        if any(found):
            rows.append([case, *(_dice_text(records[0]) if records else "" for records in found)])
    if not rows:
        return ""
    head = ["case", *(_title(contender) for contender in scored)]
    return f"Dice against the truth (WT / TC / ET), all with our weights\n\n{table(head, rows)}"


def _goals(runs: Sequence[Record]) -> list[str]:
    peers = [contender for contender in _contenders(runs) if contender.software != OURS]
    return [*_cost_goals(runs, peers), *_dice_goals(runs, peers), *_memory_goal(runs, peers)]


def _cost_goals(runs: Sequence[Record], peers: Sequence[Contender]) -> Iterator[str]:
    for peer in peers:
        if peer.weights == OUR_WEIGHTS or peer.tuned:
            continue
        for over, how, goal in ((OURS, "", RATIO_GOAL), (WITHOUT_OPENVINO, " without OpenVINO", TORCH_RATIO_GOAL)):
            if ratios := cost_ratios(runs, peer.name, over):
                times = median(ratios)
                text = f"{_title(peer)} with {_network(peer)} costs {times:.1f} times our CPU-seconds{how}."
                yield f"{text} {goal_text(f'at least {goal} times', times >= goal)}"


def _dice_goals(runs: Sequence[Record], peers: Sequence[Contender]) -> Iterator[str]:
    for peer in peers:
        lead = dice_lead(runs, peer.name) if peer.weights == OUR_WEIGHTS else None
        if lead is not None:
            text = f"Mean Dice, ours minus that of {_title(peer)} with {_network(peer)}: {lead:+.4f}."
            yield f"{text} {goal_text(f'at least -{DICE_GOAL}', lead >= -DICE_GOAL)}"


def _memory_goal(runs: Sequence[Record], peers: Sequence[Contender]) -> Iterator[str]:
    if peers and (ours := _of(runs, OURS)):
        least = min(_middle(_of(runs, peer.name), "memory") for peer in peers)
        mine = _middle(ours, "memory")
        text = f"Peak memory: ours {mine / GIGABYTE:.2f} GB, the smallest peer {least / GIGABYTE:.2f} GB."
        yield f"{text} {goal_text('not more', mine <= least)}"


def _title(contender: Contender) -> str:
    tuned, alone = ", allocator tuned" if contender.tuned else "", ", without OpenVINO" if contender.torch_alone else ""
    return f"{NAMES[contender.software]}{tuned}{alone}"


def _network(contender: Contender) -> str:
    return "our weights" if contender.weights == OUR_WEIGHTS else "its users' network (random weights)"


def _of_kind(result: dict[str, Any], kind: str) -> list[Record]:
    return [record for record in result["records"] if record["kind"] == kind]


def _of(runs: Sequence[Record], contender: str, case: str | None = None) -> list[Record]:
    return [row for row in runs if row["contender"] == contender and case in (None, row["case"])]


def _contenders(runs: Sequence[Record]) -> list[Contender]:
    present = {row["contender"] for row in runs}
    return [contender for name, contender in CONTENDERS.items() if name in present]


def _cases(runs: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(row["case"] for row in runs))


def _middle(rows: Sequence[Record], key: str) -> float:
    return median(row[key] for row in rows)


def _mean_dice(row: Record) -> float:
    return fmean(row["dice"][region] for region in REGIONS)


def _dice_text(row: Record) -> str:
    return " / ".join(f"{row['dice'][region]:.3f}" for region in REGIONS)


def _range(values: Sequence[float]) -> str:
    if not values:
        return "unknown"
    return f"{median(values):.1f}" + (f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else "")
