"""The doors (command line, web) and the wiring: the only place that builds real adapters."""
