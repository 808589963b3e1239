"""The event feed and webhook endpoints over HTTP."""
