"""Engines that stand behind an address: other servers that speak, asked over HTTP."""
