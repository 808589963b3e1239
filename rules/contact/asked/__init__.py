"""What the words around a time say of it: how long, whether it is over, whether nobody is there."""
