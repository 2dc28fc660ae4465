"""The servers that tests stand on: scripted, hostile, and a real Postfix."""
