"""An iLink service and a phone on loopback, for everyone without an account."""
