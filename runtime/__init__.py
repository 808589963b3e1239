"""The floor everything stands on: settings, clocks, ids, log, the Redis connection, errors."""
