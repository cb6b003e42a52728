"""The database schema: NNNN_subject.sql, applied in order, forward only."""
