"""Jobs that programs leave here and come back for: kept on disk, spoken one text after the other, whatever happens.

`values` is what they are made of, `store` keeps them, `runner` has them spoken, `joined` makes one sound of them. None
of them knows HTTP.
"""
