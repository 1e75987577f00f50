"""Whom the limits count: an address, or of IPv6 the network that one customer has."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

_NETWORK = ~(2**64 - 1)  # whoever has one address of IPv6 has a /64 of them
_LONGEST = 64


def client_of(connection: HTTPConnection) -> str:
    """Return the name by which a caller is counted."""
    host = connection.client.host if connection.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:  # a trusted proxy may say anything
        return host[:_LONGEST]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) & _NETWORK)}/64"
