"""A real zsh on a terminal of its own: what it offers for a line, as soon as it has offered it."""

from __future__ import annotations

import os
import pty
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.real.parts import clean_environment, until

#: Whatever is offered is also written to a file: the matches, and when all of them are there.
RC = """
PROMPT=
unsetopt beep list_beep auto_menu
bindkey '^I' complete-word
fpath=({folder} $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {{
    if [[ " ${{@[1,(i)(-|--)]}} " != *" -"[OAD]" "* ]]; then
        local -a found
        builtin compadd -A found "$@"
        print -rl -- $found >>{out}
    fi
    builtin compadd "$@"
}}
offered() {{ print -r -- END >>{out}; comppostfuncs=(offered) }}
comppostfuncs=(offered)
print -r -- END >>{out}
"""


class Zsh:
    """An interactive zsh that finds completions in ``folder``, in ``home`` as its working folder."""

    def __init__(self, folder: Path, home: Path, env: Mapping[str, str] = {}) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="netsuite-zsh-")
        self._out = Path(self._own.name) / "out"
        self._out.touch()
        rc = RC.format(folder=folder, out=self._out)
        (Path(self._own.name) / ".zshrc").write_text(rc)
        self._master, slave = pty.openpty()
        told = {**clean_environment(env), "ZDOTDIR": self._own.name, "TERM": "xterm", "HOME": str(home)}
        self._process = subprocess.Popen(
            ["zsh", "-d", "-i"],
            cwd=home,
            env=told,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        self._wait("zsh's start")

    def offers(self, line: str) -> set[str]:
        """Return what TAB offers behind the line."""
        self._out.write_text("")
        os.write(self._master, f"\x15{line}\t".encode())
        return self._wait(f"completion of {line!r}")

    def _wait(self, what: str) -> set[str]:
        def ended() -> list[str]:
            self._drain()
            lines = self._out.read_text().splitlines()
            return lines if "END" in lines else []

        lines = until(what, ended)
        return set(lines) - {"END", ""}

    def _drain(self) -> None:
        try:
            while os.read(self._master, 65536):
                pass
        except (BlockingIOError, OSError):
            return

    def close(self) -> None:
        """It is gone."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)
        self._own.cleanup()
