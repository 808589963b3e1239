"""The API's own documentation, as a document and as pages."""
