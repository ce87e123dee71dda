"""One run on disk: folder, receipt, verification."""
