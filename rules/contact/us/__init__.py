"""Where numbers and addresses of the United States are: area codes, states, time zones."""
