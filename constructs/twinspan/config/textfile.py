"""Reads a file of bounded size as UTF-8 text, or reports in a sentence why it cannot."""

import stat
from pathlib import Path

LARGEST_FILE = 1024 * 1024  # bytes; a twin.yaml of about 25,000 devices


def file_field(path: Path) -> str:
    """Return what a problem of the whole file names instead of a field."""
    return path.name or str(path)


def read_text(path: Path, what: str) -> str:
    """Return the text of `path`, UTF-8 with or without byte order mark. Raises ValueError with a sentence."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ValueError(f"is a folder; give the path of a {what}")
        if not stat.S_ISREG(mode):  # reading a pipe or a device could wait for ever
            raise ValueError(f"is not a regular file; give the path of a {what}")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ValueError(f"does not exist; give the path of a {what}") from None
    except PermissionError:
        raise ValueError("is not readable; give this user permission to read it") from None
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); give the path of a {what}") from None
    if len(raw) > LARGEST_FILE:
        raise ValueError(f"is larger than {LARGEST_FILE // 1024} KiB; make the {what} smaller")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = raw[error.start]
        raise ValueError(
            f"is not UTF-8: byte 0x{byte:02x} in line {line}; save the {what} as UTF-8"
        ) from None
