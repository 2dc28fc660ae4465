"""Terminal widgets that know no SMTP: they take plain data and post plain messages."""
