"""The lab of the client tests: agent and licence server as processes, and the clients that talk to them."""
