"""Where a demo keeps its files: `var/`, or what `PAYPHONE_STATE_DIR` names."""

from runtime.settings import get_settings

VAR = get_settings().state_dir
STATE = VAR / "demo"
LOGS = VAR / "log"
DESCRIPTION = VAR / "demo.json"
