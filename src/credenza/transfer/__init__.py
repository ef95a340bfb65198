"""Configurations on their way between stores, and as files in git. Pure.

    references   what may stand in the place of a secret in a file, and where such places are
    bindings     what a sealed value is bound to: where it would be sent, as its file says
    age          recipients, identities, sealing and opening (the only importer of pyrage)
    sealing      an integration in clear -> one with every secret sealed
    opening      an integration of a file -> one that can be saved
    documents    integrations -> the text of a file

A file holds integrations as a bulk save takes them. In the place of a secret it has `{"$secret": {…}}` (it
stays what it is, or is entered), `{"$env": "NAME"}` or `{"$age": "<age file>"}`.
"""
