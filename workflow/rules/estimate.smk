"""What a dry run says at its end of an experiment on GPUs: the hours it takes.

Needs: the configuration, and finished trials for their seconds. Makes: no file of results.
"""

import atexit
import subprocess


def say_estimate(process):
    """Print what the command says, or its last line where it failed; nothing where it was ended."""
    said, errors = process.communicate()
    if process.returncode == 0:
        sys.stderr.write(said)
    elif process.returncode > 0:
        last = (errors.strip().splitlines() or ["it says nothing"])[-1]
        print(f"no estimate: {last.removeprefix('error: ')}", file=sys.stderr)


# It runs beside the planning, which takes as long.
if (
    OPTIONS is not None
    and OPTIONS.dryrun
    and any(t.resources.gpu for t in TASKS.values())
):
    atexit.register(
        say_estimate,
        subprocess.Popen(
            [sys.executable, "-m", "actsearch.cli", "estimate"],
            env=os.environ | {"ACTSEARCH_CONFIG": write_config()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ),
    )
