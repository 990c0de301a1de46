"""The tables of the training benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from report_parts import NAMES, bullets, machine_text, software_text, table

TITLES = {"loading": "Data loading and augmentation", "training": "Full training steps"}


def markdown(result: dict[str, Any]) -> str:
    """Environment, then a table for every task that was measured, and what its goal is."""
    records, options = result["records"], result["options"]
    parts = [_environment(result)]
    for task in TITLES:
        rows = [record for record in records if record["task"] == task]
        if rows:
            parts.append(f"{TITLES[task]} ({_setting(task, rows, options)})\n\n{_table(rows)}")
            parts.append(_verdict(rows))
    return "\n\n".join(part for part in parts if part)


def _environment(result: dict[str, Any]) -> str:
    records = result["records"]
    lines = [machine_text(result["environment"], [record["load"] for record in records])]
    for contender in dict.fromkeys(record["contender"] for record in records):
        lines.append(software_text(contender, next(row for row in records if row["contender"] == contender)))
    return bullets(lines)


def _setting(task: str, rows: Sequence[dict[str, Any]], options: dict[str, Any]) -> str:
    batch, channels, *size = rows[0]["shape"]
    where = f", {options['network']} network on {options['device']}" if task == "training" else ""
    return (
        f"batches of {batch} patches of {' x '.join(map(str, size))} voxels and {channels} channels, "
        f"{options['threads']} threads or processes{where}; "
        f"median of rounds: {len({row['round'] for row in rows})}, patches in each: {rows[0]['samples']}"
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    idle = any(row["idle"] is not None for row in rows)
    head = ["", "patches/s", "CPU-seconds per patch", "ours is faster by, wall", "ours is faster by, CPU"]
    head += ["GPU idle"] if idle else []
    lines = []
    for contender in dict.fromkeys(row["contender"] for row in rows):
        own = [row for row in rows if row["contender"] == contender]
        line = [NAMES[contender], _middle(own, _speed, "{:.2f}"), _middle(own, _cpu, "{:.3f}")]
        line += [ratios(rows, contender, _wall), ratios(rows, contender, _cpu)] if contender != "ours" else ["", ""]
        line += [_middle(own, lambda row: row["idle"], "{:.1%}")] if idle else []
        lines.append(line)
    return table(head, lines)


def _verdict(rows: Sequence[dict[str, Any]]) -> str:
    peers = sorted({row["contender"] for row in rows} - {"ours"})
    if not peers or rows[0]["task"] != "loading" or _cpu(rows[0]) is None:
        return ""
    least = min(median(round_ratios(rows, peer, _cpu)) for peer in peers)
    return f"Goal: 1.5 times the faster peer. Measured, in CPU time: {least:.2f} times."


def ratios(rows: Sequence[dict[str, Any]], contender: str, cost: Any) -> str:
    """Median and range over the rounds of a contender's cost in units of ours."""
    values = round_ratios(rows, contender, cost)
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else "unknown"


def round_ratios(rows: Sequence[dict[str, Any]], contender: str, cost: Any) -> list[float]:
    """Cost of a contender over ours, in every round that knows both."""
    by_round = {(row["contender"], row["round"]): cost(row) for row in rows}
    return [
        value / by_round["ours", number]
        for (name, number), value in by_round.items()
        if name == contender and value and by_round.get(("ours", number))
    ]


def _middle(rows: Sequence[dict[str, Any]], value: Any, style: str) -> str:
    known = [number for row in rows if (number := value(row)) is not None]
    return style.format(median(known)) if known else "unknown"


def _speed(row: dict[str, Any]) -> float:
    return row["samples"] / row["wall"]


def _wall(row: dict[str, Any]) -> float:
    return row["wall"] / row["samples"]


def _cpu(row: dict[str, Any]) -> float | None:
    return None if row["cpu"] is None else row["cpu"] / row["samples"]
