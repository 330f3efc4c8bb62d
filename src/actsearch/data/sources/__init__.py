"""Where data sets lie and what they hold, without reading an image: neither torch nor numpy."""
