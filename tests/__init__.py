"""The tests, one folder for each room of the house; claims/ ties them to paper_notes.md."""
