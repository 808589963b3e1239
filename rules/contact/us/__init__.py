"""Where US numbers and addresses are: area codes, states, time zones."""
