"""Lists of records: selecting, counting, exporting, scoring point tables beside the ledger."""
