"""Asks the server of forked commands for one, and waits for its end."""

import json
import os
import socket
import sys


def ask(server, command, folder, environment, streams):
    """Have a command run.

    Args:
        server: path of its socket.
        command: program and arguments.
        folder: where it runs.
        environment: all of its variables.
        streams: descriptors of its standard input, output and error.

    Returns:
        Its exit code; negative for a signal.
    """
    told = json.dumps([command, str(folder), environment]).encode("utf-8", "surrogateescape")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server)
        socket.send_fds(connection, [len(told).to_bytes(4, "big")], streams)
        connection.sendall(told)
        answer = connection.recv(16)
    if not answer:
        raise ConnectionError("the server of forked commands has gone")
    return int(answer)


def main(server, program, sources):
    """Run ``program`` with this process's arguments, folder, environment and streams.

    It is started as ever where it is to find other ``sources``, and in a job of SLURM, which sees
    no more than its own processes.
    """
    command = [program, *sys.argv[1:]]
    if os.environ.get("PYTHONPATH") != sources or "SLURM_JOB_ID" in os.environ:
        os.execv(program, command)
    # Not pathlib, whose import takes half of the time that all else takes.
    code = ask(server, command, os.getcwd(), dict(os.environ), [0, 1, 2])  # noqa: PTH109
    os._exit(code if code >= 0 else 128 - code)
