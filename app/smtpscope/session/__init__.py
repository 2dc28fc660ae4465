"""What is made of events: recording, redaction, the next step, transcripts."""
