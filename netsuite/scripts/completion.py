"""netsuite completion: the script by which a shell completes our commands, as it is installed, too."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

from importlib import resources
from typing import Any, NoReturn

from twisted.python import usage

from netsuite.manual.kind import one_of
from netsuite.outcome import Outcome
from netsuite.scripts.running import ToolOptions, start

#: Shell -> its script in the package, which ``make manual`` writes.
SCRIPTS = {"bash": "bash/netsuite", "zsh": "zsh/_netsuite", "fish": "fish/netsuite.fish"}


class Options(ToolOptions):
    """The command line of netsuite completion."""

    tool = "completion"
    synopsis = f"Usage: netsuite completion [options] {'|'.join(SCRIPTS)}"
    longdesc = (
        "Print the script by which a shell completes netsuite's commands: options, tools, services of "
        "twistd, files where a file belongs.  For zsh, twistd is not in it: zsh asks twistd itself.  "
        "Exit status: 0 done, 2 usage."
    )
    examples = """Examples:
  eval "$(netsuite completion bash)"      in ~/.bashrc
  source <(netsuite completion zsh)       in ~/.zshrc, after compinit
  netsuite completion fish | source       in config.fish"""

    operands = (one_of("SHELL", *SCRIPTS),)

    def __init__(self) -> None:
        super().__init__()
        self.shell = ""

    def parseArgs(self, *words: str) -> None:
        """Take the shell."""
        if len(words) != 1 or words[0] not in SCRIPTS:
            raise usage.UsageError(f"give one of {', '.join(SCRIPTS)}")
        self.shell = words[0]
        self.target = {"shell": self.shell}


async def main(reactor: Any, options: Options) -> Outcome:
    """The script is told."""
    script = resources.files("netsuite.manual").joinpath("shell", SCRIPTS[options.shell]).read_text("utf-8")
    options.results.document(script.rstrip("\n"))
    return Outcome.done(script=script)


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
