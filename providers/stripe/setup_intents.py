"""Stripe's SetupIntents: a clinic's card is saved for later, and checked when it is."""

from providers.stripe.client import PAGE, Json, client, mapped_errors, options, plain

PLATFORM = ""  # a clinic pays the platform, whatever Stripe account it is paid by


def create_setup_intent(request: Json, key: str) -> Json:
    """Make a SetupIntent; it moves no money. `request` as Stripe's API takes it."""
    with mapped_errors():
        intents = client().v1.setup_intents
        made = intents.create(request, options(PLATFORM, key))  # type: ignore[arg-type]
        return plain(made)


def get_setup_intent(setup_intent_id: str) -> Json:
    """The SetupIntent in its present state. Raises ProviderError, code `resource_missing`, when
    there is none.
    """
    with mapped_errors():
        return plain(client().v1.setup_intents.retrieve(setup_intent_id, None, options(PLATFORM)))


def find_setup_intent(attempt_id: str, customer_id: str) -> Json | None:
    """The customer's SetupIntent that carries `attempt_id`, if there is one."""
    with mapped_errors():
        listed = client().v1.setup_intents.list(
            {"customer": customer_id, "limit": PAGE}, options(PLATFORM)
        )
        made = (plain(intent) for intent in listed.auto_paging_iter())
        return next(
            (one for one in made if (one.get("metadata") or {}).get("attempt_id") == attempt_id),
            None,
        )
