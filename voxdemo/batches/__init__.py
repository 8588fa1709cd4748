"""Jobs that programs leave here and come back for: kept on disk, spoken one text after the other, whatever happens.

`runner` has them spoken, `joined` makes one sound of them; `stores` keeps them. Neither knows HTTP.
"""
