"""The application's log lines as JSON, for tests."""

import json


class Logged:
    """The JSON lines that our processes have written so far."""

    def __init__(self, capfd):
        self._capfd, self.text = capfd, ""

    def lines(self, event):
        self.text += self._capfd.readouterr().err
        told = [
            json.loads(line)
            for line in self.text.splitlines(keepends=True)
            if line.startswith("{") and line.endswith("\n")
        ]
        return [line for line in told if line["event"] == event]
