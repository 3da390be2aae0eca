"""The comparison that benches/books.rs makes, made by another engine: the rows that differ, written to a file.

compare.py duckdb|polars OURS THEIRS OUT

Prints the number of rows that differ. Both engines are used as they come, on every core. Keys are references alone: no
reference is twice in the generated files.
"""

import resource
import sys
import time

COLUMNS = ["reference", "currency", "minor", "status"]


def with_duckdb(ours: str, theirs: str, out: str) -> int:
    import duckdb

    side = "SELECT reference, currency, minor, status FROM read_csv('{}', delim='\t', header=true, quote='', types={{'minor': 'BIGINT', 'item': 'VARCHAR', 'payout': 'VARCHAR', 'method': 'VARCHAR', 'settled_currency': 'VARCHAR', 'rate': 'VARCHAR'}})"
    query = f"""
        COPY (
            SELECT coalesce(o.reference, t.reference) AS reference, o.currency AS our_currency, o.minor AS our_minor,
                   o.status AS our_status, t.currency AS their_currency, t.minor AS their_minor, t.status AS their_status
            FROM ({side.format(ours)}) o FULL OUTER JOIN ({side.format(theirs)}) t ON o.reference = t.reference
            WHERE o.reference IS NULL OR t.reference IS NULL
               OR o.currency <> t.currency OR o.minor <> t.minor OR o.status <> t.status
        ) TO '{out}' (HEADER, DELIMITER '\t')
    """
    connection = duckdb.connect()
    connection.execute(query)
    return connection.execute("SELECT count(*) FROM read_csv(?, delim='\t', header=true)", [out]).fetchone()[0]


def with_polars(ours: str, theirs: str, out: str) -> int:
    import polars as pl

    def side(path: str, prefix: str) -> pl.LazyFrame:
        rows = pl.scan_csv(path, separator="\t", quote_char=None, infer_schema=False)
        rows = rows.select(COLUMNS).with_columns(pl.col("minor").cast(pl.Int64))
        return rows.rename({name: f"{prefix}_{name}" for name in COLUMNS[1:]}).with_columns(
            pl.lit(True).alias(f"in_{prefix}")
        )

    joined = side(ours, "our").join(side(theirs, "their"), on="reference", how="full", coalesce=True)
    differs = pl.col("in_our").is_null() | pl.col("in_their").is_null()
    for name in COLUMNS[1:]:
        differs = differs | (pl.col(f"our_{name}") != pl.col(f"their_{name}"))
    found = joined.filter(differs).collect(engine="streaming")
    found.write_csv(out, separator="\t")
    return found.height


def main() -> None:
    engine, ours, theirs, out = sys.argv[1:5]
    begun = time.monotonic()
    found = {"duckdb": with_duckdb, "polars": with_polars}[engine](ours, theirs, out)
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    # found, seconds, CPU seconds, peak resident KiB: what the bench reads.
    print(found, f"{seconds:.3f}", f"{used.ru_utime + used.ru_stime:.3f}", used.ru_maxrss)


main()
