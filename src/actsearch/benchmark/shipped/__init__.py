"""Tables that ship as data: their trials packed without loss, their runs, and their data card."""
