"""What is at providers and belongs to nobody, or is ours and gone."""
