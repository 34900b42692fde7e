"""Writes docs/paper-tables.md, its curves and its samples, of the results that are there."""

import json
import math
import re
import shutil
import statistics
import sys
from pathlib import Path

import spectrogram
from commands import write
from experiments import Run, Task
from results import Json, Results
from tables import table

# Table 2 of the paper: bits a byte and seconds an iteration, by data and pattern.
PAPER_TABLE_2 = {
    "enwik8": {"dense": (1.00, 1.31), "fixed": (0.99, 0.55), "strided": (1.13, 0.35)},
    "cifar10": {"dense": (2.82, 0.54), "fixed": (2.85, 0.47), "strided": (2.80, 0.38)},
}
OF_PAPER = {"enwik8": "enwik8", "cifar10": "cifar10", "text-12288": "enwik8", "text-4096": "enwik8", "text-long": "enwik8",
            "photos": "cifar10", "photos-more": "cifar10"}


def mean(values: list[float]) -> tuple[float, float | None]:
    """And its standard error, of two values and more."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return statistics.fmean(values), error


def with_error(values: list[float], digits: int = 3) -> str:
    value, error = mean(values)
    return f"{value:.{digits}f}" + (f" +- {error:.{digits}f}" if error is not None else "")


class Page:
    def __init__(self, folder: Path, docs: Path):
        self.results, self.docs = Results(folder), docs

    def of(self, task: Task, pattern: str) -> list[Json]:
        found = (self.results.of(run) for run in self.results.runs(task, pattern))
        return [result for result in found if result]

    def learned(self, task: Task) -> str:
        """Of each pattern what it learns, how it differs from the first, and the time of a step."""
        reference = next(iter(task.patterns))
        first = self.of(task, reference)
        paper = PAPER_TABLE_2.get(OF_PAPER.get(task.name, ""), {})
        rows = []
        for pattern in task.patterns:
            found = self.of(task, pattern)
            if not found:
                continue
            tests = [result["test"] for result in found]
            of_seed = {other["seed"]: other["test"] for other in first}
            pairs = [result["test"] - of_seed[result["seed"]] for result in found if result["seed"] in of_seed]
            step = statistics.fmean(result["step_ms"] for result in found)
            ratio = statistics.fmean(result["step_ms"] for result in first) / step if first else 0
            bits, seconds = paper.get(pattern, (None, None))
            rows.append([
                pattern, f"{found[0]['rate']:g}", with_error(tests), "" if pattern == reference or not pairs else with_error(pairs),
                f"{statistics.fmean(result['train'] for result in found):.3f}", f"{step:.1f}", f"{ratio:.2f}" if ratio else "",
                "" if bits is None else f"{bits:.2f}",
                "" if seconds is None else f"{paper['dense'][1] / seconds:.2f}"])
        heading = ["pattern", "rate", "held-out, bits a byte", "less the first", "training", "a step, ms",
                   "first's time / own", "paper: bits", "paper: dense's time / own"]
        return table(heading, rows) if rows else ""

    def rates(self, task: Task) -> str:
        """The validation part, by learning rate."""
        rows = []
        for pattern in task.patterns:
            found = [self.results.of(Run(task, pattern, rate, task.seeds[0])) for rate in task.rates]
            if any(found):
                rows.append([pattern, *(f"{one['valid']:.3f}" if one else "" for one in found)])
        return table(["pattern", *(f"{rate:g}" for rate in task.rates)], rows) if rows else ""

    def contexts(self, task: Task) -> str:
        rows = []
        for pattern in task.patterns:
            found = self.of(task, pattern)
            if found:
                cells = []
                for k, _ in enumerate(task.contexts):
                    cells.append(with_error([result["contexts"][k]["bits_per_byte"] for result in found]))
                rows.append([pattern, *cells])
        return table(["pattern", *(f"{context:,}" for context in task.contexts)], rows) if rows else ""

    def sizes(self, tasks: list[Task]) -> str:
        rows = []
        for task in tasks:
            for result in self.of(task, "strided"):
                rows.append([task.title, f"{result['parameters']:,}", f"{result['peak_bytes'] / 2**30:.1f}",
                             f"{result['steps']:,}", f"{result['seconds']:.0f}", f"{result['step_ms']:.0f}",
                             f"{result['test']:.3f} +- {result['test_error']:.3f}"])
        heading = ["sequence", "parameters", "planned, GiB", "steps", "trained, s", "a step, ms", "held-out, bits a byte"]
        return table(heading, rows) if rows else ""

    def compressed(self, tasks: list[Task]) -> str:
        """What models and compressors come to on the same bytes."""
        path = self.results.folder / "compressors.json"
        packed = json.loads(path.read_text()) if path.exists() else {}
        rows = []
        for task in tasks:
            for pattern in task.patterns:
                for result in self.of(task, pattern)[:1]:
                    rows.append([task.data, f"{task.title}, {pattern}", f"{result['parameters']:,}",
                                 f"{result['seconds']:.0f}", f"{result['test']:.3f}"])
        for data, sizes in packed.items():
            rows += [[data, name, "", "", f"{bits:.3f}"] for name, bits in sizes.items()]
        return table(["data", "by", "parameters", "trained, s", "bits a byte"], sorted(rows, key=lambda row: row[0]))

    def curves(self, task: Task) -> str:
        """The validation part by steps, of the first seed; an empty text where there is no curve."""
        lines = {pattern: found[0]["curve"] for pattern in task.patterns if (found := self.of(task, pattern))}
        if not any(lines.values()):
            return ""
        try:
            import matplotlib
        except ImportError:
            sys.exit("paper-tables: error: expected a python3 that has matplotlib (Debian's python3-matplotlib), found none")

        matplotlib.use("svg")
        from matplotlib import pyplot

        matplotlib.rcParams["svg.hashsalt"] = task.name
        figure, axes = pyplot.subplots(figsize=(7.2, 3.6))
        for pattern, curve in lines.items():
            axes.plot(*zip(*curve), label=pattern)
        axes.set_xlabel("steps")
        axes.set_ylabel("validation part, bits a byte")
        axes.legend()
        axes.grid(alpha=0.3)
        name = f"paper-{task.name}.svg"
        figure.savefig(self.docs / "images" / name, metadata={"Date": None}, bbox_inches="tight")
        return f"![{task.title}](images/{name})\n\n"

    def samples(self, tasks: list[Task], old: str) -> str:
        """What the page has of samples stays where their files are elsewhere."""
        before = dict(re.findall(r"^([^\n]+):\n\n(```\n.*?\n```|!\[[^\n]*)$", old, flags=re.DOTALL | re.MULTILINE))
        parts, sounds = [], {}

        def add(title: str, path: Path) -> None:
            if not path.exists():
                if title in before:
                    parts.append(f"{title}:\n\n{before[title]}\n")
            elif path.suffix == ".wav":
                sounds[title] = path
            elif path.suffix == ".txt":
                parts.append(f"{title}:\n\n```\n{path.read_text().strip()}\n```\n")
            else:
                shutil.copy(path, self.docs / "images" / f"paper-{path.name}")
                parts.append(f"{title}:\n\n![{title}](images/paper-{path.name})\n")

        for task in tasks:
            for pattern in task.patterns:
                for result in self.of(task, pattern)[:1]:
                    title = f"{task.title}, {pattern}"
                    add(title, self.results.folder / result.get("sample", "none"))
                    if task.complete:
                        add(f"{title}, completed", self.results.folder / result.get("completed", "none"))
        if sounds:
            parts.append(self.spectrograms(sounds))
        elif "sound" in before:
            parts.append(f"sound:\n\n{before['sound']}\n")
        return "\n".join(parts)

    def spectrograms(self, paths: dict[str, Path]) -> str:
        """Of sounds by title, under as much of the test part where that is there."""
        drawn = {title: spectrogram.read_wav(path) for title, path in paths.items()}
        sounds = {title: samples for title, (samples, _) in drawn.items()}
        test = self.results.folder.parent / "data/sound/test.npy"
        if test.exists():
            sounds = {"held out": spectrogram.read_test(test, max(map(len, sounds.values())))} | sounds
        spectrogram.draw(sounds, next(rate for _, rate in drawn.values()), self.docs / "images/paper-sound.png")
        return "sound:\n\n![spectrograms of sampled sounds](images/paper-sound.png)\n"


def write_page(folder: Path, tables: dict[str, list[Task]], docs: Path) -> None:
    """Fills what stands between `<!-- NAME TASK -->` and `<!-- end -->` in the page; all else is written by hand. The
    results themselves go into one file beside it."""
    page = Page(folder, docs)
    tasks = {task.name: task for of_table in tables.values() for task in of_table}

    def fill(block: re.Match[str]) -> str:
        name, argument = block[1], block[2]
        if name == "samples":
            text = page.samples(tables[argument], block[3])
        elif name in ("sizes", "compressed"):
            text = getattr(page, name)(tables[argument])
        elif argument in tasks:
            text = getattr(page, name)(tasks[argument])
        else:
            return block[0]
        return f"<!-- {name} {argument} -->\n{text.strip() or 'No results yet.'}\n<!-- end -->"

    path = docs / "paper-tables.md"
    write(path, re.sub(r"<!-- (\w+) ([\w-]+) -->\n(.*?)<!-- end -->", fill, path.read_text(), flags=re.DOTALL))
    lines = [f"{json.dumps(one.stem)}: {json.dumps(json.loads(one.read_text()))}" for one in page.results.files()]
    write(docs / "paper-tables.json", "{\n" + ",\n".join(lines) + "\n}\n")
