"""Where a demo keeps its files: `var/`, or the folder in `PAYPHONE_STATE_DIR`."""

import json
import os
from pathlib import Path
from typing import Any

from runtime.start import parsed_settings_or_exit

_settings = parsed_settings_or_exit()
VAR = _settings.state_dir
STATE = VAR / "demo"
CLOCK = STATE / "business-clock"
LOGS = VAR / "log"
DESCRIPTION = VAR / "demo.json"
SETTINGS = _settings.demo_settings


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with secrets atomically, readable by this user only."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    new.rename(path)
