"""Simulated sources: real HTTP servers with a company behind them, to try Kenward on."""
