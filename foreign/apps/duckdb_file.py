"""Writes a DuckDB database with two tables: ``python duckdb_file.py people.duckdb``."""

from __future__ import annotations

import sys

import duckdb

with duckdb.connect(sys.argv[1]) as connection:
    connection.execute("CREATE TABLE people (name TEXT, city TEXT, age INTEGER)")
    connection.execute("INSERT INTO people VALUES ('Ada', 'London', 36), ('Emmy', 'Erlangen', 53)")
    connection.execute("CREATE TABLE cities (name TEXT, country TEXT)")
    connection.execute("INSERT INTO cities VALUES ('London', 'England'), ('Erlangen', 'Germany')")
