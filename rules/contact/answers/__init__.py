"""The words by which an answer to a text is known, by what it says."""
