"""Unicode's own tests of text boundaries, as the Debian package unicode-data has them."""

from pathlib import Path

from tests.real.parts import require

FOLDER = Path("/usr/share/unicode/auxiliary")


def samples(name: str) -> tuple[str, list[tuple[str, list[str]]]]:
    """Return the version of a file such as ``WordBreakTest``, and each line with the segments it asks for.

    A line is given in its own notation, without its comment.  Where the package is missing the test is
    skipped and says so.
    """
    path = FOLDER / f"{name}.txt"
    require("unicode-data", path.exists())
    text = path.read_text(encoding="utf-8")
    lines = [found for line in text.split("\n") if (found := line.partition("#")[0].strip())]
    version = text.partition("\n")[0].removeprefix(f"# {name}-").removesuffix(".txt")
    return version, [(line, [_signs(part) for part in line.strip("÷ ").split("÷")]) for line in lines]


def _signs(part: str) -> str:
    return "".join(chr(int(code, 16)) for code in part.replace("×", " ").split())
