"""The wizard over HTTP: what a clinic configures before anything is paid."""
