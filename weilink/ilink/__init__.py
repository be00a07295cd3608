"""The iLink wire protocol: HTTP, JSON, login states, media. Knows no storage and no agents."""
