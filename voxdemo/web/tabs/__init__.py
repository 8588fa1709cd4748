"""The page's tabs, one file each: handlers, layout, wiring."""
