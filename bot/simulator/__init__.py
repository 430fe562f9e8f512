"""Stand-ins for the providers, used in development: carriers, a wallet and the page with the phones."""
