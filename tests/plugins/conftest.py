"""What is a stranger's is installed by the tests, never imported by pytest."""

collect_ignore = ["third_party"]
