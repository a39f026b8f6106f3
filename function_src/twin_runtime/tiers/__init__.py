"""The files of the cold and the archive tier, and how rows become files."""
