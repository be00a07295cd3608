"""All SQL: messages, bots, context tokens, claims, outbox. Knows no HTTP and no agents."""
