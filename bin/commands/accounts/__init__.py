"""Commands about accounts, their keys, operators and the audit."""
