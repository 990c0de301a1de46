"""What the reports of all benchmarks share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

NAMES = {"ours": "ours", "monai": "MONAI", "nnunet": "nnU-Net"}


def machine_text(where: dict[str, Any], loads: Iterable[float]) -> str:
    """An environment, and how busy the machine was."""
    busy = list(loads)
    return (
        f"{where['processor']}, {where['cores']} cores ({where['instructions']}), {where['memory_gb']} GB, "
        f"GPU: {where['gpu'] or 'none'}; {where['system']}; {where['date']}; "
        f"load average {min(busy):.1f} to {max(busy):.1f} during the measurements"
    )


def software_text(name: str, record: dict[str, Any]) -> str:
    """The versions with which a contender ran."""
    versions = ", ".join(f"{package} {number}" for package, number in record["versions"].items())
    return f"{NAMES[name]}: Python {record['python']}, {versions}"


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def goal_text(goal: str, met: bool) -> str:
    """A sentence about a goal."""
    return f"Goal: {goal}; {'met' if met else 'not met'}."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
