"""Messages and log lines about setting a receptionist up.

The wordings are promised: clinics' staff, alerts and tests match them verbatim.
"""

SAVED = {
    "forwarded": "Configuration saved. Phone number will be provisioned after payment.",
    "ported": "Configuration saved. Port request will be submitted after payment.",
    "sip": "Configuration saved. SIP trunk will be created after payment.",
    "none": "Configuration saved. The receptionist has no phone number.",
}
LOGGED = {
    "forwarded": "[Phone Integration] Forwarding configuration saved"
    " (number will be purchased after payment)",
    "ported": "[Phone Integration] Port configuration saved"
    " (actual port will be initiated after payment)",
    "sip": "[Phone Integration] SIP trunk configuration saved",
    "none": "[Phone Integration] Configuration without a phone number saved",
}
VOICE_SAVED = "Configuration saved. The receptionist will speak with this voice."

# on the wizard's phone step, once its configuration is saved
_PROVISIONED = (
    "✓ Configuration saved successfully!\nYour phone number will be provisioned when you deploy."
)
PHONE_DONE = {
    "forwarded": _PROVISIONED,
    "ported": (
        "✓ Configuration saved successfully!\nYour port request will be submitted when you deploy."
    ),
    "sip": "✓ Configuration saved successfully!\nYour SIP trunk will be created when you deploy.",
}

# on the review page
ADD_PAYMENT = (
    "⚠ Add payment method to deploy your AI receptionist\n"
    'Your card will be charged when you click "Deploy"'
)
PAYMENT_ADDED = "✓ Payment method added"
READY = {
    "forwarded": 'Ready to deploy! Click "Deploy" to purchase phone number and go live.',
    "ported": 'Ready to deploy! Click "Deploy" to submit the port request and go live.',
    "sip": 'Ready to deploy! Click "Deploy" to create the SIP trunk and go live.',
}
DEPLOYING = "⏳ Deploying..."
