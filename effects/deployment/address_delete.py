"""A clinic's address is taken away at Twilio. One that a number still uses stays until it is
released.
"""

from effects.deployment.twilio_objects import removal
from providers.twilio import addresses

ADDRESS_DELETE = removal(
    "address_delete",
    "Take an emergency address away at Twilio",
    delete=addresses.delete_address,
    read=addresses.get_address,
)
