"""The results of runs, each a file results/NAME.json of the folder, and which runs are to come."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments import Run, Task

Json = dict[str, Any]


class Results:
    def __init__(self, folder: Path):
        self.folder = folder / "results"

    def path(self, run: Run) -> Path:
        return self.folder / f"{run.name}.json"

    def of(self, run: Run) -> Json | None:
        path = self.path(run)
        return json.loads(path.read_text()) if path.exists() else None

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))

    def best_rate(self, task: Task, pattern: str) -> float | None:
        """By the validation part, with the first seed; none where not all rates have been tried."""
        found = {rate: self.of(Run(task, pattern, rate, task.seeds[0])) for rate in task.tried(pattern)}
        if any(result is None for result in found.values()):
            return None
        return min(found, key=lambda rate: found[rate]["valid"]) if len(found) > 1 else next(iter(found))

    def runs(self, task: Task, pattern: str) -> list[Run]:
        """Those of all seeds with the best rate, as far as it is known."""
        rate = self.best_rate(task, pattern)
        return [Run(task, pattern, rate, seed) for seed in task.seeds] if rate else []

    def to_do(self, tasks: list[Task]) -> Iterator[Run]:
        """What has no result and waits for none."""
        for task in tasks:
            for pattern in task.patterns:
                first = [Run(task, pattern, rate, task.seeds[0]) for rate in task.tried(pattern)]
                yield from (run for run in first + self.runs(task, pattern)[1:] if not self.path(run).exists())
