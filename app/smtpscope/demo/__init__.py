"""The practice server: import `server` only when it is to run, it is heavy; `recipients` is light."""
