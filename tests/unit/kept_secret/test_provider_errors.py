"""What a provider says goes into rows, logs and to people: without secrets."""

from providers.errors import ProviderError


def test_a_key_that_holds_a_card_number_is_taken_out_as_a_whole():
    error = ProviderError("stripe", "refused", "Expired: sk_live_4242424242424242AbCdefghij.")
    assert str(error) == "stripe: Expired: ***."
