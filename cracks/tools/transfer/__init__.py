"""What a classifier is worth elsewhere: other test sets, carry-over, adaptation."""
