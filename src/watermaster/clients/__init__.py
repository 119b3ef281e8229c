"""One file per foreign service that several rooms speak to: sign-in and transport, no meaning."""
