"""What `make slurm-demo` shows: a run on the private cluster, told line by line.

One job is killed on purpose, as the system kills one that takes too much memory, so that it can be
seen how Snakemake tries it again. What Snakemake itself says goes into a file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from actsearch.cli.progress import duration
from actsearch.cli.recording import load
from actsearch.cluster.found import what_was_found
from actsearch.cluster.journal import Job, read_journal
from actsearch.cluster.watching import Watcher

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config" / "demo.yaml"
# The profile waits as suits a real cluster; this one answers at once.
QUICK = (
    "--slurm-init-seconds-before-status-checks=2",
    "--seconds-between-status-checks=2",
    "--latency-wait=10",
)
SITE = ("slurm_partition=gpu", "cpu_partition=cpu", "gpu_model=demo", "mem_mb=2000", "runtime=10")


def main(folder: Path, arguments: list[str]) -> int:
    """Run the experiment in ``folder``, which is made anew, and tell what happens."""
    begun = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "snakemake.log"
    command = ["snakemake", "--profile", "slurm", f"--configfile={CONFIG}", *QUICK]
    command += [f"--directory={folder}", "--default-resources", *SITE, *arguments]
    tell("config/demo.yaml, as `snakemake --profile slurm` runs it; 4 minutes were measured on two")
    tell(f"free cores. What Snakemake says is in {shown(log)}")
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        try:
            story = Story(folder)
            while process.poll() is None:
                time.sleep(1)
                story.look()
            story.look()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()[-15:]
        print("\n".join(lines), f"\nThe run failed; all of it: {shown(log)}", sep="\n")
        if os.environ.get("KEEP") == "1":
            print("The cluster is kept; to end it: tests/slurm/cluster stop")
        return process.returncode
    summary(folder, story, time.monotonic() - begun)
    if os.environ.get("KEEP") == "1":
        print(KEPT.format(folder=shown(folder)))
    return 0


class Story:
    """What was told already of the jobs of a run."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the run."""
        self._folder = folder
        self._told: set[tuple[int, int, str]] = set()
        self.killed: str | None = None

    def look(self) -> None:
        """Tell what is new, and kill the first job that trains."""
        jobs = read_journal(self._folder)
        if jobs is None:
            return
        for number, job in jobs.by_number.items():
            event = (number, job.tries, job.state)
            if event in self._told or job.is_local:
                continue
            self._told.add(event)
            if job.state == "started" and job.tries > 1:
                tell(f"{name(job)}: failed, and is tried again with more memory")
            elif job.state == "failed":
                tell(f"{name(job)}: failed; what it had finished is kept")
            elif job.state == "finished":
                tell(what_was_found(job, self._folder) or f"{name(job)}: done")
        if self.killed is None:
            self._kill_one([job for job in jobs.of("started") if "training" in job.message])

    def _kill_one(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.slurm is None or job.tries > 1:
                continue
            state = ["squeue", "--noheader", f"--jobs={job.slurm}", "--format=%T"]
            said = subprocess.run(state, capture_output=True, text=True, check=False, timeout=60)
            # Some seconds in, it has finished some functions, which the second try keeps.
            held = [self._folder / path for path in job.output]
            finished = [path for path in held if list(path.parent.glob(f".{path.name}.finished"))]
            if said.stdout.strip() == "RUNNING" and finished:
                kill = ["scancel", "--signal=KILL", "--full", job.slurm]
                if subprocess.run(kill, check=False, timeout=60).returncode == 0:
                    self.killed = job.slurm
                    tell(
                        f"{name(job)}: killed by this demo (SLURM job {job.slurm}), as if it had "
                        f"run out of memory, after {len(finished)} of {len(job.output)} functions"
                    )
                    return


def name(job: Job) -> str:
    """A job as people read it."""
    return job.message.rpartition(" (")[0] or job.message


def tell(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def shown(path: Path) -> str:
    """A path from the repository's root."""
    return os.path.relpath(path, ROOT)


def summary(folder: Path, story: Story, seconds: float) -> None:
    """Print what the run came to."""
    jobs = read_journal(folder)
    assert jobs is not None, "a run notes its jobs"
    far = [job for job in jobs.by_number.values() if not job.is_local]
    print(f"\nDone in {duration(seconds)}.")
    print(f"  jobs on SLURM   {sum(job.tries for job in far)}, and {jobs.total - len(far)} here")
    tried = f" (SLURM job {story.killed}, killed by this demo)" if story.killed else ""
    print(f"  tried again     {jobs.retries}{tried}")
    os.chdir(folder)
    for task, (best, baseline) in (
        Watcher(load(CONFIG), Path("results"), folder).look().best.items()
    ):
        if best is not None and baseline is not None:
            than = f"best baseline {baseline.function} {baseline.shown}"
            print(f"  {task:<15} best {best.function} {best.shown}, {than}")
    print("  (an experiment of minutes: its numbers mean nothing)")
    print(f"  Open {shown(folder / 'results/report.html')}")


KEPT = """
The cluster is kept. Things to try, from here, with `source .venv/bin/activate`:

sinfo
    shows its two nodes and two partitions
actsearch status {folder}/results
    shows what is done, and the best so far
snakemake --profile slurm --configfile config/demo.yaml --directory {folder} \\
    results/digits-cnn/trials/mul.elu.x.erf.x.json
    trains one more function, as a job; any function has such a path
squeue -O jobid,state:12,reason:30,comment:90
    shows the queue, in another window, while it does
tests/slurm/cluster stop
    ends the cluster and removes it"""


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
