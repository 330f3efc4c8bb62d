"""The commands of the steps, a module each: parse options, read, call a room, write."""
