"""A cross-validation of several runs: every case judged by the network that never saw it, and what follows."""
