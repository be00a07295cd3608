"""Ask the recv endpoint of WeiLink for new messages. Written next."""
