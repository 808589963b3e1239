"""Tables, queries over them and state changes, which are methods named in the past tense."""
