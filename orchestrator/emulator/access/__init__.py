"""Access checks as in AWS: signatures, callers, policies and error responses.

moto checks only identity policies, on few resources, without conditions, boundaries or session policies, and its errors
are in a format that clients of JSON services cannot read. So the emulator checks each request before moto receives it.
"""
