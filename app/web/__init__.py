"""The pages: Vietnamese, rendered on the server, usable without a mouse and without the internet."""
