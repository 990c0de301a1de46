"""The table of the stages of our command, and the network against the machine's floor."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from report_parts import goal_text, table

Record = dict[str, Any]

NETWORK = "network"
FLOOR_GOAL = 0.6


def stages_text(records: Sequence[Record]) -> str:
    """Medians over cases, and how the floor was found."""
    if not records:
        return ""
    seconds = {name: median(row["stages"].get(name, 0.0) for row in records) for name in _names(records)}
    total = median(sum(row["stages"].values()) for row in records)
    rows = [[name, f"{value:.2f}", f"{value / total:.0%}"] for name, value in seconds.items()]
    rows.append(["together", f"{total:.2f}", ""])
    title = f"Stages of `tumorseg segment`, medians of {len(records)} cases"
    floors = [_floor(record) for record in records[:1] if record["floor"]]
    return "\n\n".join([title, table(["stage", "CPU-seconds", "share"], rows), *floors])


def floor_goal(records: Sequence[Record]) -> list[str]:
    """A sentence about the goal, if that was measured: not on a GPU."""
    shares = [floor_share(record) for record in records if record["floor"]]
    if not shares:
        return []
    reached = median(shares)
    goal = goal_text(f"at least {FLOOR_GOAL:.0%}", reached >= FLOOR_GOAL)
    return [f"The network runs at {reached:.0%} of the machine's floor. {goal}"]


def floor_share(record: Record) -> float:
    """CPU-seconds of the operations at the machine's peak, over those that the network took."""
    floor = record["floor"]
    return floor["operations"] / floor["peak"] / record["stages"][NETWORK]


def _names(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record["stages"]))


def _floor(record: Record) -> str:
    floor, billion = record["floor"], 1e9
    reached = floor["operations"] / record["stages"][NETWORK]
    return (
        f"The floor: on {record['case']} the network takes {floor['operations'] / billion:.0f} billion operations "
        f"(two per multiply-add, counted by torch). At its fastest this machine did "
        f"{floor['peak'] / billion:.0f} billion {floor['number_format']} operations per CPU-second "
        f"({floor['peak_of']}), the network {reached / billion:.0f} billion ({record['runtime']}): "
        f"{floor_share(record):.0%}."
    )
