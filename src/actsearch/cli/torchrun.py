"""torchrun, with a training process's failure left to what the process itself has said.

torchrun reports a failed process by a traceback of its own and a table, under which the message
that tells what went wrong disappears.
"""

from __future__ import annotations

import logging
import signal
import sys


def main() -> None:
    """Run torchrun; ends with the exit code of the process that failed first."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.ERROR)
    try:
        run.main()
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:
            name = signal.Signals(-failure.exitcode).name
            print(f"error: training process {rank} was ended by {name}", file=sys.stderr)
            sys.exit(128 - failure.exitcode)
        sys.exit(failure.exitcode)
    except SignalException as error:
        sys.exit(128 + error.sigval.value)


if __name__ == "__main__":
    main()
