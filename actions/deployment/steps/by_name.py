"""All steps by name."""

from actions.deployment.step import StepKind
from actions.deployment.steps.activation import ACTIVATION
from actions.deployment.steps.assistants import PAYMENTS, RECEPTIONIST
from actions.deployment.steps.charge import CHARGE
from actions.deployment.steps.emergency_address import EMERGENCY_ADDRESS
from actions.deployment.steps.fee import FEE
from actions.deployment.steps.live import LIVE
from actions.deployment.steps.number import NUMBER
from actions.deployment.steps.port.port_document import PORT_DOCUMENT
from actions.deployment.steps.port.port_request import PORT_REQUEST
from actions.deployment.steps.port.ported_number import PORTED_NUMBER
from actions.deployment.steps.port.porting import PORTING
from actions.deployment.steps.preflight import PREFLIGHT
from actions.deployment.steps.query_tool import QUERY_TOOL
from actions.deployment.steps.routing import ROUTING
from actions.deployment.steps.sip.sip_at_vapi import SIP_KNOWN, SIP_ORIGINATION, SIP_ROUTING
from actions.deployment.steps.sip.sip_line import SIP_LINE
from actions.deployment.steps.sip.sip_logins import SIP_LOGIN, SIP_LOGIN_LIST
from actions.deployment.steps.sip.sip_test import SIP_TEST_ANSWERED, SIP_TEST_CALL
from actions.deployment.steps.sip.sip_trunk import SIP_ACCESS, SIP_TRUNK
from actions.deployment.steps.squad import SQUAD

STEP_KINDS: dict[str, StepKind] = {
    kind.name: kind
    for kind in (
        PREFLIGHT,
        FEE,
        CHARGE,
        EMERGENCY_ADDRESS,
        NUMBER,
        QUERY_TOOL,
        RECEPTIONIST,
        PAYMENTS,
        SQUAD,
        ROUTING,
        ACTIVATION,
        LIVE,
        PORT_DOCUMENT,
        PORT_REQUEST,
        PORTING,
        PORTED_NUMBER,
        SIP_LINE,
        SIP_LOGIN_LIST,
        SIP_LOGIN,
        SIP_TRUNK,
        SIP_ACCESS,
        SIP_KNOWN,
        SIP_ROUTING,
        SIP_ORIGINATION,
        SIP_TEST_CALL,
        SIP_TEST_ANSWERED,
    )
}
