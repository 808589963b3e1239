"""Work items, escalations and promises over HTTP."""
