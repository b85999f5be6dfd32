"""`tl demo`: an invented shop with real OpenTelemetry SDKs is broken, and the running system tells what happened."""
