"""Every step there is, by name."""

from actions.deployment.step import StepKind
from actions.deployment.steps.charge import CHARGE
from actions.deployment.steps.emergency_address import EMERGENCY_ADDRESS
from actions.deployment.steps.fee import FEE
from actions.deployment.steps.live import LIVE
from actions.deployment.steps.number import NUMBER
from actions.deployment.steps.preflight import PREFLIGHT

KINDS = (PREFLIGHT, FEE, CHARGE, EMERGENCY_ADDRESS, NUMBER, LIVE)
STEP_KINDS: dict[str, StepKind] = {kind.name: kind for kind in KINDS}
