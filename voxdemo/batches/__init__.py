"""Jobs that programs leave here and come back for: kept on disk, spoken one text after the other, whatever happens.

`values` is what they are made of, `store` keeps them, `runner` has them spoken. None of them knows HTTP.
"""
