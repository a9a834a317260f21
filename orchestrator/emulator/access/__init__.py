"""Who may do what: signatures, callers, policies and refusals, as AWS answers them.

moto checks identity policies only, on few resources, without conditions, boundaries or session policies, and refuses in
a form that JSON services' clients cannot read. So the emulator asks here before moto sees a request.
"""
