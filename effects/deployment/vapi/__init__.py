"""Effects of going live at Vapi."""
