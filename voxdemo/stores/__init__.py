"""What is kept: answers, results, voices, batches, counts. Knows no line and no model."""
