"""Effects of going live at Twilio."""
