"""Loaded by every Python process of an attack: blocks and notes what asks for another machine, and
notes what writes outside of the attack's folder."""

import os
import sys
from pathlib import Path

PLACE, NOTES = os.environ["HOSTILE_PLACE"], os.environ["HOSTILE_NOTES"]
INSIDE = (PLACE, f"{Path(NOTES).parent}/", "/dev/", "/proc/")
OURS = (None, "", "127.0.0.1", "::1", "localhost")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
PATHS = ("os.mkdir", "os.remove", "os.rmdir", "os.rename", "os.link", "os.symlink")


def watch(event, given):
    if event in ("socket.connect", "socket.sendto", "socket.bind"):
        # What is no pair is a socket of this machine.
        if isinstance(given[1], tuple) and given[1][0] not in OURS:
            note(event, given[1])
            raise OSError("blocked")
    elif event == "socket.getaddrinfo":
        host = given[0].decode() if isinstance(given[0], bytes) else given[0]
        if host not in OURS:
            note(event, host)
            raise OSError("blocked")
    elif event == "open":
        if isinstance(given[0], str | bytes) and given[2] & WRITING:
            look(event, given[0])
    elif event in PATHS and given[-1] == -1:
        # Else it is a name in a folder that is open, as where whole ones are removed.
        for path in given[event == "os.symlink" : 2]:
            if isinstance(path, str | bytes):
                look(event, path)


def look(event, path):
    folder = Path(os.fsdecode(path)).parent.resolve()
    if not f"{folder}/".startswith(INSIDE):
        note(event, os.fsdecode(path))


def note(event, what):
    handle = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{event} {what!r:.300}\n".encode(errors="replace"))
    os.close(handle)


sys.addaudithook(watch)
