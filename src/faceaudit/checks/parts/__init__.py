"""What several checks say or draw alike. The checks themselves are the modules above."""
