"""What the doctor looks at: one file, one part of the body."""
