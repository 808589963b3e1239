"""What a declined card means for the person who holds it.

Codes are Stripe's decline codes. For lost, stolen or blocked cards the network forbids saying why.
"""

CONFIDENTIAL_DECLINES = frozenset({"lost_card", "stolen_card", "pickup_card", "fraudulent", "restricted_card", "merchant_blacklist"})
