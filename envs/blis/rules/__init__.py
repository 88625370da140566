"""The simulator, compiled by numba: scalar rules that know one replica, a file per meaning.

`s` is one replica (state.Replica), `work` the read-only tables, `i` a device, `r` a request.
"""
