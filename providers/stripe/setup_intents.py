"""Stripe's SetupIntents: verify a clinic's card and save it for later charges."""

from providers.stripe.client import PAGE, Json, client, mapped_errors, options, plain

PLATFORM = ""  # a clinic pays the platform, whichever Stripe account receives its own payments


def create_setup_intent(request: Json, key: str) -> Json:
    """Create a SetupIntent; this moves no money. `request` is in the format of Stripe's API."""
    with mapped_errors():
        intents = client().v1.setup_intents
        made = intents.create(request, options(PLATFORM, key))  # type: ignore[arg-type]
        return plain(made)


def get_setup_intent(setup_intent_id: str) -> Json:
    """Fetch the SetupIntent in its current state. Raises ProviderError, code `resource_missing`, if
    it does not exist.
    """
    with mapped_errors():
        return plain(client().v1.setup_intents.retrieve(setup_intent_id, None, options(PLATFORM)))


def find_setup_intent(attempt_id: str, customer_id: str) -> Json | None:
    """Find the customer's SetupIntent that carries `attempt_id`."""
    with mapped_errors():
        listed = client().v1.setup_intents.list(
            {"customer": customer_id, "limit": PAGE}, options(PLATFORM)
        )
        made = (plain(intent) for intent in listed.auto_paging_iter())
        return next(
            (one for one in made if (one.get("metadata") or {}).get("attempt_id") == attempt_id),
            None,
        )
