"""Bytes to records: which format a line has, where a record begins and ends. Lossless, and indifferent to chunking."""
