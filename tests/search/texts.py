"""Texts that the search tests know the words of."""

from __future__ import annotations

TRAVEL = """# Travel policy

## Booking

Train tickets are booked through the desk at least nine days ahead. First class is allowed on
journeys longer than four hours.

## Hotels

A hotel may cost 140 euros a night in Lisbon and 165 euros a night in Oslo.
"""

PARENTAL = """# Parental leave

Parents take twenty-six weeks of paid leave within two years of the birth. The team lead arranges
cover three months before.
"""

FERRET = """# Office animals

The ferret called Bramble lives on the third floor and is fed on Tuesdays. Please do not feed it
cheese.
"""
