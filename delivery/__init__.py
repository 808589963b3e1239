"""From a staged row to a running job: stage, nudge, relay, claim, locks, the worker pool."""
