"""Redis: connections to it, and an embedded Valkey for machines without one."""
