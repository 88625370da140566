"""Policies of many graph families: kept, compared, merged, split and taken back.

A library is a folder below `saved_models/dag/`: immutable versions, aliases that move in one rename
(`champion` is what serves), families with their fixed validation cases, and a registry with a line
per operation. A version becomes champion only through the gate; `check` takes a bad one back.
Version 0 is the rule `mct_wait`: it has no folder and is always there.
"""
