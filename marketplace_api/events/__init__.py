"""Events and the webhook endpoints they are pushed to."""
