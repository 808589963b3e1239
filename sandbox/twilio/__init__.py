"""A stand-in for Twilio: messages out and in, status callbacks, opt-outs by sender."""
