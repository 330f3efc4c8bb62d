"""The public Act-Bench format: read, checked, downloaded, looked up, written."""
