"""The lowest floor: settings, clocks, ids, log, the Redis connection, errors."""
