"""Attacks on the whole program: `python -m tests.attack [--seed N] [--only PART,…]`, printed as a table.

The program is driven as a person drives it (its commands, its addresses, its files), so that what
these attacks say holds however the rooms behind are arranged.
"""
