"""One module per command, each with the click command `command`. Imported when it runs (`command.app`)."""
