"""The API's own description, as a document and as pages."""
