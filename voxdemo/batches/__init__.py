"""Jobs that programs leave here and come back for: kept on disk, spoken one text after the other, whatever happens.

`store` keeps them, `runner` has them spoken. Neither knows HTTP.
"""
