"""What every import script shares: from another system's records to a plan, and from a plan to a save.

    records     what a reader yields: found, ready, single, loose or unreadable
    files       sources, opened read-only
    values      walking into the fields of a record: objects, JSON texts, URLs
    templates   texts with fields in them
    entries     one kind of a mapping: choosing among its cases, filling it with fields
    groups      single values put together by their names
    grammar     what a mapping file may say
    mapping     the mapping of a source: the shipped one, and a user's over it
    names       foreign names made ours
    sheet       records and a mapping -> one line each, with the item of a bulk save
    targets     where they go: a store on this machine, or a server
    plan        what would come of it, and doing it, in batches
    report      both for a person and as a file
    command     the options that all scripts have, and the command of each
    providers   the references of Kafka's configurations, followed

No value of a record is ever printed, reported or logged: names, places and rules only.
"""
